{#
    The period of a rule that measures a creator's local day, by the creator's market and platform of that day:
    as a condition of a join. Whom the roster does not know is measured by the rule of the unknown market.

    Arguments:
        rules: name of the relation with rows of int_metric_rule_periods.
        history: name of the relation with the creator's row of that day, or NULLs (see `holds_on_day`).
        local_date: the day.
#}
{% macro rules_creators_day(rules, history, local_date) -%}
    coalesce({{ history }}.market, 'ZZ') = {{ rules }}.market
            and coalesce({{ history }}.platform, 'unknown') = {{ rules }}.platform
            and {{ local_date }} >= {{ rules }}.period_start_date
            and {{ local_date }} < {{ rules }}.next_period_start_date
{%- endmacro %}
