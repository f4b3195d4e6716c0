with

metric_rules as (

    select * from {{ ref('metric_rules') }}

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

months_as_is as (

    select month_start_date from {{ ref('stg_ops__rule_months') }}
    where is_as_is

),

as_of as (

    select as_of_date from {{ ref('int_live_as_of') }}

),

validities as (

    select
        valid_from,
        valid_to
    from metric_rules

    union all

    select
        month_start_date as valid_from,
        {{ add_days(month_start(add_days('month_start_date', 31)), -1) }} as valid_to
    from months_as_is

),

periods as (

    {{ validity_periods('validities') | indent(4) }}

),

ruled_periods as (

    -- A month as it is goes by the rules of the last arrival day, all others by those of their
    -- time.
    select
        periods.period_start_date,
        periods.next_period_start_date,
        case
            when months_as_is.month_start_date is null then periods.period_start_date
            else coalesce(as_of.as_of_date, periods.period_start_date)
        end as rule_date
    from periods
    left join months_as_is
        on {{ month_start('periods.period_start_date') }} = months_as_is.month_start_date
    left join as_of on as_of.as_of_date is not null

),

ranked_rules as (

    select
        metric_rules.program,
        markets.market,
        platforms.platform,
        ruled_periods.period_start_date,
        ruled_periods.next_period_start_date,
        metric_rules.rule_id,
        metric_rules.min_live_seconds,
        metric_rules.min_longest_session_seconds,
        metric_rules.min_session_seconds,
        metric_rules.min_diamonds,
        metric_rules.exclude_static,
        metric_rules.max_counted_seconds,
        row_number() over (
            partition by
                metric_rules.program,
                markets.market,
                platforms.platform,
                ruled_periods.period_start_date
            order by
                case when metric_rules.market = '*' then 1 else 0 end,
                case when metric_rules.platform = '*' then 1 else 0 end,
                metric_rules.rule_id
        ) as specificity_rank
    from markets
    cross join platforms
    cross join ruled_periods
    inner join metric_rules
        on
            metric_rules.market in ('*', markets.market)
            and metric_rules.platform in ('*', platforms.platform)
            and {{ is_in_force('metric_rules', 'ruled_periods.rule_date') }}

),

final as (

    select
        program,
        market,
        platform,
        period_start_date,
        next_period_start_date,
        rule_id,
        exclude_static,
        coalesce(min_live_seconds, 0) as min_live_seconds,
        coalesce(min_longest_session_seconds, 0) as min_longest_session_seconds,
        coalesce(min_session_seconds, 0) as min_session_seconds,
        coalesce(min_diamonds, 0) as min_diamonds,
        -- No local day is longer.
        coalesce(max_counted_seconds, 90000) as max_counted_seconds
    from ranked_rules
    where specificity_rank = 1

)

select * from final
