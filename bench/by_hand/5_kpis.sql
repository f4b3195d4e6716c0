-- KPIs by day, what contributed to their changes, and supply by hour. `kpi_expectations` is there.

create table kpi_daily as
with weekly as (
    select
        growth.period_start_date + 6 as calendar_date,
        growth.segment_value as market,
        kpis.kpi,
        cast(case
            when not kpi_days.is_complete then null
            when kpis.denominator is null then growth.churned_count
            else growth.quick_ratio
        end as decimal(28, 6)) as kpi_value,
        case kpis.numerator
            when 'churned_count' then growth.churned_count
            else growth.new_count + growth.resurrected_count
        end as numerator,
        case when kpis.denominator is not null then growth.churned_count end as denominator,
        growth.coverage_rate,
        growth.is_complete and kpi_days.is_complete as is_complete
    from growth_accounting as growth
    inner join kpi_days on growth.period_start_date + 6 = kpi_days.calendar_date
    inner join kpis on kpis.period = 'week'
    where growth.period_grain = 'week' and growth.segment_kind in ('all', 'market')
),
told as (
    from kpi_values
    union all by name from weekly
),
targets as (
    select told.calendar_date, told.market, told.kpi, kpi_targets.target_value
    from told
    inner join kpi_targets
        on
            told.kpi = kpi_targets.kpi
            and kpi_targets.market in ('*', told.market)
            and told.calendar_date >= kpi_targets.valid_from
            and told.calendar_date <= coalesce(cast(kpi_targets.valid_to as date), '9999-12-31')
    qualify row_number() over (
        partition by told.calendar_date, told.market, told.kpi
        order by kpi_targets.market = '*', kpi_targets.target_value
    ) = 1
),
compared as (
    select
        told.*,
        kpis.family,
        kpis.good_direction,
        cast(targets.target_value as decimal(28, 6)) as target_value,
        expectations.expected_value,
        expectations.expected_low,
        expectations.expected_high,
        coalesce(expectations.anomaly_code, 'not_judged') as anomaly_code,
        case when told.is_complete and week_before.is_complete then week_before.kpi_value end
            as week_before_value,
        case when told.is_complete and year_before.is_complete then year_before.kpi_value end
            as year_before_value
    from told
    inner join kpis using (kpi)
    left join targets using (calendar_date, market, kpi)
    left join kpi_expectations as expectations
        on
            told.calendar_date = cast(expectations.calendar_date as date)
            and told.market = expectations.market
            and told.kpi = expectations.kpi
    left join told as week_before
        on
            told.calendar_date - 7 = week_before.calendar_date
            and told.market = week_before.market
            and told.kpi = week_before.kpi
    left join told as year_before
        on
            told.calendar_date - 364 = year_before.calendar_date
            and told.market = year_before.market
            and told.kpi = year_before.kpi
)
select
    calendar_date,
    market,
    kpi,
    family as kpi_family,
    good_direction,
    case
        when target_value is null then 'no_target'
        when not is_complete or kpi_value is null then 'unknown'
        when good_direction = 'up' and kpi_value >= target_value then 'met'
        when good_direction = 'down' and kpi_value <= target_value then 'met'
        else 'missed'
    end as target_status,
    anomaly_code,
    is_complete,
    coverage_rate,
    kpi_value,
    cast(numerator as bigint) as numerator,
    cast(denominator as bigint) as denominator,
    target_value,
    week_before_value,
    cast(kpi_value - week_before_value as decimal(28, 6)) as change_on_week,
    cast(round(rate(kpi_value - week_before_value, week_before_value), 6) as decimal(28, 6))
        as change_on_week_rate,
    year_before_value,
    cast(kpi_value - year_before_value as decimal(28, 6)) as change_on_year,
    cast(round(rate(kpi_value - year_before_value, year_before_value), 6) as decimal(28, 6))
        as change_on_year_rate,
    cast(round(expected_value, 6) as decimal(28, 6)) as expected_value,
    cast(round(expected_low, 6) as decimal(28, 6)) as expected_low,
    cast(round(expected_high, 6) as decimal(28, 6)) as expected_high
from compared;

-- What markets and agencies contributed to each change: parts add up to the whole ---------------------

create table kpi_contributions as
with days as (
    select
        kpi_daily.*,
        kpis.combines_by,
        kpis.numerator as numerator_name,
        kpis.denominator as denominator_name,
        cast(kpis.numerator_factor as double) / kpis.denominator_factor as factor
    from kpi_daily
    inner join kpis using (kpi)
    where kpi_daily.market = 'all' and kpis.combines_by in ('sum', 'ratio')
),
comparisons as (
    from (values ('week', 7), ('year', 364)) as comparisons (comparison, days_before)
),
changes as (
    select
        days.calendar_date,
        days.calendar_date - comparisons.days_before as before_date,
        days.kpi,
        comparisons.comparison,
        days.combines_by,
        days.numerator_name,
        days.denominator_name,
        days.factor,
        days.numerator,
        days.denominator,
        earlier.numerator as before_numerator,
        earlier.denominator as before_denominator,
        case comparisons.comparison
            when 'week' then days.change_on_week else days.change_on_year
        end as change_of_whole
    from days
    cross join comparisons
    cross join last_complete
    inner join days as earlier
        on
            days.kpi = earlier.kpi
            and days.calendar_date - comparisons.days_before = earlier.calendar_date
    where change_of_whole is not null and days.calendar_date > last_complete.last_date - 28
),
segments as (
    select
        local_date,
        case when grouping(market) = 0 then 'market' else 'agency' end as segment_kind,
        case when grouping(market) = 0 then market else agency_id end as segment_value,
        max(peak_viewers) as peak_viewers,
        cast(sum(columns(* exclude (local_date, market, agency_id, peak_viewers))) as bigint)
    from measures
    where
        local_date in (select calendar_date from changes union select before_date from changes)
    group by grouping sets ((local_date, market), (local_date, agency_id))
),
amounts as (
    from (unpivot segments on * exclude (local_date, segment_kind, segment_value)
        into name measure value amount)
    union all by name
    select
        period_start_date + 6 as local_date,
        segment_kind,
        segment_value,
        'churned_count' as measure,
        churned_count as amount
    from growth_accounting
    where period_grain = 'week' and segment_kind in ('market', 'agency')
    union all by name
    select
        period_start_date + 6 as local_date,
        segment_kind,
        segment_value,
        'won_count' as measure,
        new_count + resurrected_count as amount
    from growth_accounting
    where period_grain = 'week' and segment_kind in ('market', 'agency')
),
parts as (
    select
        changes.calendar_date,
        changes.kpi,
        changes.comparison,
        amounts.segment_kind,
        amounts.segment_value,
        coalesce(sum(amount) filter (
            amounts.measure = changes.numerator_name and local_date = calendar_date
        ), 0) as numerator,
        coalesce(sum(amount) filter (
            amounts.measure = changes.denominator_name and local_date = calendar_date
        ), 0) as denominator,
        coalesce(sum(amount) filter (
            amounts.measure = changes.numerator_name and local_date = before_date
        ), 0) as before_numerator,
        coalesce(sum(amount) filter (
            amounts.measure = changes.denominator_name and local_date = before_date
        ), 0) as before_denominator
    from changes
    inner join amounts
        on
            amounts.local_date in (changes.calendar_date, changes.before_date)
            and amounts.measure in (changes.numerator_name, changes.denominator_name)
    where amounts.amount <> 0
    group by all
),
weighed as (
    select
        parts.*,
        changes.combines_by,
        changes.change_of_whole,
        changes.factor,
        rate(parts.denominator, changes.denominator) as share,
        rate(parts.before_denominator, changes.before_denominator) as before_share,
        rate(parts.numerator, changes.denominator) as weight,
        rate(parts.before_numerator, changes.before_denominator) as before_weight,
        rate(parts.numerator, parts.denominator) as own_ratio,
        rate(parts.before_numerator, parts.before_denominator) as own_before_ratio,
        (
            rate(changes.numerator, changes.denominator)
            + rate(changes.before_numerator, changes.before_denominator)
        ) / 2 as mean_ratio
    from parts
    inner join changes using (calendar_date, kpi, comparison)
),
decomposed as (
    select
        *,
        case combines_by
            when 'sum' then factor * (numerator - before_numerator)
            else factor * (weight - before_weight - mean_ratio * (share - before_share))
        end as contribution,
        case combines_by
            when 'sum' then factor * (numerator - before_numerator)
            else factor * (share + before_share) / 2
                * (coalesce(own_ratio, own_before_ratio) - coalesce(own_before_ratio, own_ratio))
        end as within
    from weighed
),
rounded as (
    select
        *,
        cast(round(contribution, 6) as decimal(28, 6)) as rounded_contribution,
        cast(round(coalesce(within, 0), 6) as decimal(28, 6)) as rounded_within,
        row_number() over (
            partition by calendar_date, kpi, comparison, segment_kind
            order by abs(round(contribution, 6)) desc, segment_value
        ) as size_rank
    from decomposed
),
settled as (
    select
        *,
        rounded_contribution + case
            when size_rank = 1
                then change_of_whole - sum(rounded_contribution) over (
                    partition by calendar_date, kpi, comparison, segment_kind
                )
            else 0
        end as settled
    from rounded
)
select
    calendar_date,
    kpi,
    comparison,
    segment_kind,
    segment_value,
    change_of_whole,
    cast(settled as decimal(28, 6)) as contribution,
    cast(case combines_by when 'sum' then settled else rounded_within end as decimal(28, 6))
        as within_contribution,
    cast(case combines_by when 'sum' then 0 else settled - rounded_within end as decimal(28, 6))
        as mix_contribution,
    cast(numerator as bigint) as numerator,
    cast(case when combines_by = 'ratio' then denominator end as bigint) as denominator,
    cast(before_numerator as bigint) as before_numerator,
    cast(case when combines_by = 'ratio' then before_denominator end as bigint)
        as before_denominator
from settled;

-- Supply against demand by hour of the week, of the last four weeks ------------------------------------

create table content_supply_hourly as
with rules as (
    from read_csv(getvariable('seeds') || '/supply_rules.csv')
),
window_days as (
    select calendar_date, isodow(calendar_date) as iso_weekday
    from kpi_days
    cross join last_complete
    where is_complete and calendar_date > last_date - 28 and calendar_date <= last_date
),
zones as (
    select distinct timezone from fct_live_sessions
),
-- A clock that goes back shows an hour twice: both are that hour.
quarters as (
    select
        timezone,
        unnest(generate_series(
            cast(last_date - 29 as timestamp), cast(last_date + 2 as timestamp), interval 15 minutes
        )) as quarter_at
    from zones
    cross join last_complete
),
hours as (
    select
        timezone,
        local_day(quarter_at, timezone) as local_date,
        hour(timezone(timezone, timezone('UTC', quarter_at))) as hour_of_day,
        min(quarter_at) as from_at,
        max(quarter_at) + interval 15 minutes as to_at
    from quarters
    group by all
),
recent as (
    select
        *,
        greatest(started_at, coalesce(max(counted_ended_at) over (
            partition by creator_id order by started_at, session_id
            rows between unbounded preceding and 1 preceding
        ), started_at)) as alone_from_at
    from fct_live_sessions
    cross join last_complete
    where local_end_date > last_date - 28 and local_start_date <= last_date
),
days as (
    select
        creator_id,
        timezone,
        local_start_date + cast(unnest(range(local_end_date - local_start_date + 1)) as integer)
            as local_date,
        started_at,
        counted_ended_at,
        counted_seconds,
        alone_from_at,
        case when not is_also_reported then viewer_seconds end as viewer_seconds
    from recent
    where counted_seconds > 0
),
pieces_of_hours as (
    select
        days.*,
        hours.hour_of_day,
        date_sub('second', started_at, greatest(started_at, from_at)) as from_second,
        date_sub('second', started_at, least(counted_ended_at, to_at)) as to_second,
        date_sub('second', greatest(alone_from_at, from_at), least(counted_ended_at, to_at))
            as alone_seconds
    from days
    inner join hours using (timezone, local_date)
    where started_at < to_at and counted_ended_at > from_at
),
creator_hours as (
    select
        creator_id,
        local_date,
        hour_of_day,
        sum(greatest(alone_seconds, 0)) as live_seconds,
        sum(
            floor(cast(viewer_seconds as double) * to_second / counted_seconds)
            - floor(cast(viewer_seconds as double) * from_second / counted_seconds)
        ) as viewer_seconds
    from pieces_of_hours
    group by all
),
counted_hours as (
    select
        case when grouping(creator_days.market) = 0 then coalesce(creator_days.market, 'unknown') else 'all' end
            as market,
        window_days.iso_weekday,
        creator_hours.hour_of_day,
        sum(creator_hours.live_seconds) as live_seconds,
        cast(sum(creator_hours.viewer_seconds) as bigint) as viewer_seconds,
        sum(creator_hours.live_seconds) filter (creator_hours.viewer_seconds is not null)
            as watched_live_seconds,
        count(*) filter (creator_hours.live_seconds > 0) as creator_hours_count
    from creator_hours
    inner join window_days on creator_hours.local_date = window_days.calendar_date
    inner join fct_creator_days as creator_days using (creator_id, local_date)
    group by grouping sets (
        (creator_days.market, window_days.iso_weekday, creator_hours.hour_of_day),
        (window_days.iso_weekday, creator_hours.hour_of_day)
    )
),
markets_known as (
    select
        market,
        sum(live_seconds) as market_live_seconds,
        sum(viewer_seconds) as market_viewer_seconds
    from counted_hours
    group by market
),
weekdays as (
    select iso_weekday, count(*) as covered_days_count from window_days group by iso_weekday
),
every_hour as (
    select
        markets_known.*,
        weekday_numbers.iso_weekday,
        hour_numbers.hour_of_day,
        coalesce(weekdays.covered_days_count, 0) as covered_days_count
    from markets_known
    cross join range(1, 8) as weekday_numbers (iso_weekday)
    cross join range(24) as hour_numbers (hour_of_day)
    left join weekdays using (iso_weekday)
),
shares as (
    select
        every_hour.*,
        rules.*,
        case when covered_days_count > 0 then coalesce(counted_hours.live_seconds, 0) end
            as live_seconds,
        case
            when covered_days_count > 0 and counted_hours.live_seconds is null then 0
            else counted_hours.viewer_seconds
        end as viewer_seconds,
        counted_hours.watched_live_seconds,
        case when covered_days_count > 0 then coalesce(counted_hours.creator_hours_count, 0) end
            as creator_hours_count,
        rate(
            case when covered_days_count > 0 then coalesce(counted_hours.live_seconds, 0) end,
            market_live_seconds
        ) as supply_share,
        rate(
            case
                when covered_days_count > 0 and counted_hours.live_seconds is null then 0
                else counted_hours.viewer_seconds
            end,
            market_viewer_seconds
        ) as demand_share
    from every_hour
    cross join rules
    left join counted_hours using (market, iso_weekday, hour_of_day)
)
select
    market,
    cast(iso_weekday as integer) as iso_weekday,
    cast(hour_of_day as integer) as hour_of_day,
    last_date - 27 as window_start_date,
    last_date as window_end_date,
    case
        when
            covered_days_count < min_covered_days
            or supply_share is null
            or demand_share is null
            then 'unknown'
        when
            demand_share >= min_demand_share
            and supply_share < max_supply_to_demand * demand_share
            then 'missing'
        else 'enough'
    end as supply_status,
    covered_days_count,
    cast(live_seconds as bigint) as live_seconds,
    viewer_seconds,
    creator_hours_count,
    cast(round(rate(creator_hours_count, covered_days_count), 4) as decimal(18, 4))
        as average_creators,
    cast(round(rate(viewer_seconds, watched_live_seconds), 4) as decimal(18, 4))
        as average_viewers,
    cast(round(supply_share, 6) as decimal(9, 6)) as supply_share_rate,
    cast(round(demand_share, 6) as decimal(9, 6)) as demand_share_rate
from shares
cross join last_complete;
