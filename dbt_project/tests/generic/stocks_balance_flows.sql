{#
    Growth accounting adds up within each segment, wherever its numbers are shown:

        active = new + retained + resurrected
        active(t) = active(t-1) - churned + new + resurrected

    and no count is below 0. A segment's first row has nobody before it. Rows in which a part is NULL while
    the whole is not fail too: NULL is for all or for none.
#}
{% test stocks_balance_flows(model) %}

with

with_previous as (

    select
        *,
        row_number() over (
            partition by period_grain, segment_kind, segment_value
            order by period_start_date
        ) as row_in_segment,
        lag(active_count) over (
            partition by period_grain, segment_kind, segment_value
            order by period_start_date
        ) as previous_active_count
    from {{ model }}

),

expected as (

    select
        *,
        new_count + retained_count + resurrected_count as expected_active_count,
        case when row_in_segment = 1 then 0 else previous_active_count end
        - churned_count
        + new_count
        + resurrected_count as expected_flow_count
    from with_previous

)

select
    period_grain,
    period_start_date,
    segment_kind,
    segment_value,
    active_count,
    new_count,
    retained_count,
    resurrected_count,
    churned_count,
    previous_active_count
from expected
where
    coalesce(active_count, -1) <> coalesce(expected_active_count, -1)
    or (churned_count is not null and active_count <> coalesce(expected_flow_count, -1))
    or least(active_count, new_count, retained_count, resurrected_count, churned_count) < 0

{% endtest %}
