{#
    Digests: is it still the same?

    What lives here: fingerprints by which two builds of one engine are compared. What may not: anything that is
    published, since engines have other hashes.
#}

{# A number that tells groups of rows apart by these columns, in whatever order the rows stand. Rows in pairs cancel
   each other out, so compare their count as well. #}
{% macro digest_of_rows(columns) -%}
    {{ return(adapter.dispatch('digest_of_rows', 'semillero')(columns)) }}
{%- endmacro %}

{% macro default__digest_of_rows(columns) -%}
    bit_xor(xxhash64({{ columns | join(', ') }}))
{%- endmacro %}

{% macro duckdb__digest_of_rows(columns) -%}
    bit_xor(hash({{ columns | join(', ') }}))
{%- endmacro %}
