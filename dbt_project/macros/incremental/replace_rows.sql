{#
    Pre-hook of an incremental fact that appends: removes the rows which this build writes again.

    dbt-duckdb runs it in the model's own transaction, so nobody ever sees the fact without them, and
    a crash leaves the fact as it was.

    On a first or full build there is nothing to remove, but `changes` must then hold everything, which
    it does only if it was built by the same invocation: a lone `--full-refresh -s <fact>` would
    otherwise leave a fact with nothing but the last day in it.

    Arguments:
        changes: name of the model with the keys that are written again.
        keys: the key columns, in both.
        holds_everything: does a full build of the fact read only `changes`?
#}
{% macro replace_rows(changes, keys, holds_everything=true) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as held
        where exists (
            select 1 from {{ ref(changes) }} as changes
            where {% for key in keys %}{{ "and " if not loop.first }}held.{{ key }} = changes.{{ key }} {% endfor %}
        )
    {%- elif holds_everything and execute -%}
        {%- set wanted = 'model.' ~ project_name ~ '.' ~ changes -%}
        {%- if wanted not in selected_resources -%}
            {{ exceptions.raise_compiler_error(
                this.identifier ~ " cannot be built anew without " ~ changes ~ ", which then holds "
                ~ "everything: select both, for example `dbt build --full-refresh -s " ~ changes ~ "+`."
            ) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
