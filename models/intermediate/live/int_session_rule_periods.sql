with

metric_rules as (

    -- What a poll shows does not depend on whose market or program it is.
    select * from {{ ref('metric_rules') }}
    where market = '*' and program = '*'

),

platforms as (

    -- distinct: rules of one platform follow each other
    select distinct platform from metric_rules

),

periods as (

    {{ validity_periods('metric_rules') | indent(4) }}

),

final as (

    select
        platforms.platform,
        periods.period_start_date,
        periods.next_period_start_date,
        coalesce(own_rules.max_gap_seconds, general_rules.max_gap_seconds) as max_gap_seconds,
        coalesce(own_rules.max_same_start_gap_seconds, general_rules.max_same_start_gap_seconds)
            as max_same_start_gap_seconds,
        coalesce(own_rules.max_start_shift_seconds, general_rules.max_start_shift_seconds)
            as max_start_shift_seconds,
        coalesce(own_rules.max_start_credit_seconds, general_rules.max_start_credit_seconds)
            as max_start_credit_seconds,
        coalesce(own_rules.merge_restart_seconds, general_rules.merge_restart_seconds)
            as merge_restart_seconds,
        coalesce(own_rules.poll_interval_seconds, general_rules.poll_interval_seconds)
            as poll_interval_seconds,
        coalesce(own_rules.min_linger_polls, general_rules.min_linger_polls) as min_linger_polls
    from platforms
    cross join periods
    inner join metric_rules as general_rules
        on
            general_rules.platform = '*'
            and {{ is_in_force('general_rules', 'periods.period_start_date') }}
    left join metric_rules as own_rules
        on
            platforms.platform = own_rules.platform
            and {{ is_in_force('own_rules', 'periods.period_start_date') }}

)

select * from final
