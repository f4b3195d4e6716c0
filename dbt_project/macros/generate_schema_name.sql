{# Schemas are named as declared (`marts`, not `main_marts`): the mart names are a contract with BI. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
