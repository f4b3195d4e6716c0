-- Every creator day has a rule: one general rule (any platform, market, program) is valid each day.
with

rule_periods as (

    select
        market,
        platform,
        period_start_date,
        next_period_start_date,
        lead(period_start_date, 1, date '9999-12-31') over (
            partition by market, platform
            order by period_start_date
        ) as following_start_date,
        min(period_start_date) over (partition by market, platform) as first_start_date
    from {{ ref('int_metric_rule_periods') }}

),

final as (

    select * from rule_periods
    where next_period_start_date <> following_start_date or first_start_date > date '1970-01-01'

)

select * from final
