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

    -- distinct: many creators share a platform
    select distinct platform from {{ ref('dim_creators') }}
    union distinct
    select 'unknown' as platform

),

boundaries as (

    -- distinct: rules begin and end on the same days
    select valid_from as period_start_date from metric_rules
    union distinct
    select {{ add_days('valid_to', 1) }} as period_start_date from metric_rules
    where valid_to is not null

),

periods as (

    select
        period_start_date,
        lead(period_start_date, 1, date '9999-12-31') over (
            order by period_start_date
        ) as next_period_start_date
    from boundaries

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
            and periods.period_start_date >= metric_rules.valid_from
            and (
                metric_rules.valid_to is null
                or periods.period_start_date <= metric_rules.valid_to
            )

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
