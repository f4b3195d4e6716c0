{#
    The row of a creator's history that holds on a local day, or at an instant: as a condition of a join that
    also asks for the creator. Rows of one creator leave no day and no instant out and never overlap, so such
    a join finds one row where the creator is known, and none elsewhere.

    Arguments:
        history: name of the relation with dim_creators_history's rows.
        local_date, instant: the day or the UTC timestamp asked for.
#}
{% macro holds_on_day(history, local_date) -%}
    {{ local_date }} between {{ history }}.valid_from_date and {{ history }}.valid_to_date
{%- endmacro %}

{% macro holds_at_instant(history, instant) -%}
    {{ instant }} >= {{ history }}.valid_from_at and {{ instant }} < {{ history }}.valid_to_at
{%- endmacro %}
