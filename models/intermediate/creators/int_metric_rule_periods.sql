with

metric_rules as (

    -- Rules of a program decide what the program pays, not what a creator's day is.
    select * from {{ ref('metric_rules') }}
    where program = '*'

),

markets as (

    select market from {{ ref('dim_markets') }}

),

platforms as (

    -- distinct: many creators share a platform, now or earlier
    select distinct platform from {{ ref('dim_creators_history') }}
    union distinct
    select 'unknown' as platform

),

periods as (

    {{ validity_periods('metric_rules') | indent(4) }}

),

ranked_rules as (

    select
        markets.market,
        platforms.platform,
        periods.period_start_date,
        periods.next_period_start_date,
        metric_rules.rule_id,
        metric_rules.min_live_seconds,
        metric_rules.min_longest_session_seconds,
        metric_rules.min_diamonds,
        metric_rules.exclude_static,
        row_number() over (
            partition by markets.market, platforms.platform, periods.period_start_date
            order by
                case when metric_rules.market = '*' then 1 else 0 end,
                case when metric_rules.platform = '*' then 1 else 0 end,
                metric_rules.rule_id
        ) as specificity_rank
    from markets
    cross join platforms
    cross join periods
    inner join metric_rules
        on
            metric_rules.market in ('*', markets.market)
            and metric_rules.platform in ('*', platforms.platform)
            and {{ is_in_force('metric_rules', 'periods.period_start_date') }}

),

final as (

    select
        market,
        platform,
        period_start_date,
        next_period_start_date,
        rule_id,
        exclude_static,
        coalesce(min_live_seconds, 0) as min_live_seconds,
        coalesce(min_longest_session_seconds, 0) as min_longest_session_seconds,
        coalesce(min_diamonds, 0) as min_diamonds
    from ranked_rules
    where specificity_rank = 1

)

select * from final
