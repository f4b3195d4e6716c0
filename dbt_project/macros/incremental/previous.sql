{#
    The relation that the last build left behind for a model, or none: before its first build, and
    where everything is built anew (`--full-refresh`).

    Why not `ref`: what has changed must be read from a fact *before* the fact is rebuilt, and the fact
    reads what has changed. With `ref` that would be a cycle; this reads yesterday's table, which is
    not a dependency of today's build.
#}
{% macro previous(model_name) -%}
    {%- if not execute or flags.FULL_REFRESH -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set found = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.name == model_name -%}
        {%- do found.append(node) -%}
    {%- endfor -%}
    {%- if not found -%}
        {{ exceptions.raise_compiler_error("previous('" ~ model_name ~ "'): there is no such model.") }}
    {%- endif -%}
    {{ return(adapter.get_relation(found[0].database, found[0].schema, found[0].alias)) }}
{%- endmacro %}
