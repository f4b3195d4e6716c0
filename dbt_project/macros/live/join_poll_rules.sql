{#
    Joins each row of polls (as `rules`) with the parameters by which they become sessions: its platform's own,
    where there are any, else those of all platforms, as they are on the UTC day of a poll.

    No row is multiplied or lost: tests hold the periods of every platform to one a day, and to every day.

    Arguments:
        rule_periods: relation with the rows of int_session_rule_periods.
        rows: name of the relation to join, with `platform`.
        observed_at: its column with the poll's time.
#}
{% macro join_poll_rules(rule_periods, rows, observed_at) -%}
    left join (
        -- distinct: one row a period
        select distinct platform from {{ rule_periods }}
        where platform <> '*'
    ) as own_platforms
        on {{ rows }}.platform = own_platforms.platform
    inner join {{ rule_periods }} as rules
        on
            coalesce(own_platforms.platform, '*') = rules.platform
            and cast({{ rows }}.{{ observed_at }} as date) >= rules.period_start_date
            and cast({{ rows }}.{{ observed_at }} as date) < rules.next_period_start_date
{%- endmacro %}
