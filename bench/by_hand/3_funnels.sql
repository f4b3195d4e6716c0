-- The four funnels: how far creators came, and how many came how far.

-- Activities ----------------------------------------------------------------------------------------

create table onboarding_events as
select creator_id, step, utc(occurred_at) as occurred_at
from read_parquet(
    getvariable('raw') || '/onboarding_events/dt=*/*.parquet', hive_partitioning = false
)
qualify row_number() over (partition by event_id order by _dt desc, _file desc, _row desc) = 1;

create table program_events as
with programs as (
    select program_id, kind
    from read_parquet(getvariable('raw') || '/programs/dt=*/*.parquet', hive_partitioning = false)
    qualify row_number() over (
        partition by program_id order by updated_at desc nulls last, _dt desc, _file desc, _row desc
    ) = 1
),
events as (
    select creator_id, program_id, event, utc(occurred_at) as occurred_at
    from read_parquet(
        getvariable('raw') || '/program_events/dt=*/*.parquet', hive_partitioning = false
    )
    qualify row_number() over (partition by event_id order by _dt desc, _file desc, _row desc) = 1
)
from events
left join programs using (program_id);

create table activities as
select creator_id, step as activity, occurred_at from onboarding_events
where step in ('applied', 'approved', 'trained')
union all
select creator_id, 'live_day', first_live_at from fct_creator_days where session_count > 0
union all
select creator_id, 'withdrew', occurred_at from program_events where event = 'withdrew'
union all
select creator_id, kind || '_' || event, occurred_at from program_events
where kind in ('campaign', 'training') and event in ('exposed', 'enrolled', 'completed');

-- The second after a valid day is the third of three.
create table valid_days as
select
    creator_id,
    first_live_at as occurred_at,
    lead(first_live_at, 2) over (partition by creator_id order by first_live_at) as third_at
from fct_creator_days
where is_valid_day;

-- Back after four weeks away; nobody was away on a day that nobody saw.
create table returns as
with seen as (
    select
        event_date,
        is_covered,
        count(*) filter (is_covered) over (order by event_date) as covered_to_date
    from live_days
),
active as (
    select
        creator_id,
        local_date,
        first_live_at as occurred_at,
        lag(local_date) over (partition by creator_id order by local_date) as previous_date
    from fct_creator_days
    cross join as_of
    where session_count > 0 and local_date <= as_of_date
)
select active.creator_id, active.occurred_at
from active
inner join seen as until on active.local_date = until.event_date
inner join seen as since on active.previous_date = since.event_date
where
    active.local_date - active.previous_date > 28
    and until.covered_to_date - cast(until.is_covered as integer) - since.covered_to_date >= 28;

-- Attempts: one begins at every first step, and each next step is the first fitting one after it -----
-- (A step that was not reached may find something all the same: so each asks for the one before it.)

create table attempts as
with onboarding_1 as (
    select distinct creator_id, occurred_at as step_1 from activities where activity = 'applied'
),
onboarding_2 as (
    select
        one.*,
        case when next.occurred_at <= step_1 + interval 21 days then next.occurred_at end as step_2
    from onboarding_1 as one
    asof left join (from activities where activity = 'approved') as next
        on one.creator_id = next.creator_id and one.step_1 <= next.occurred_at
),
onboarding_3 as (
    select
        two.*,
        case when next.occurred_at <= step_2 + interval 21 days then next.occurred_at end as step_3
    from onboarding_2 as two
    asof left join (from activities where activity = 'trained') as next
        on two.creator_id = next.creator_id and two.step_2 <= next.occurred_at
),
onboarding_4 as (
    select
        three.*,
        case when next.occurred_at <= step_3 + interval 21 days then next.occurred_at end as step_4
    from onboarding_3 as three
    asof left join (from activities where activity = 'live_day') as next
        on three.creator_id = next.creator_id and three.step_3 <= next.occurred_at
),
onboarding_5 as (
    select
        four.*,
        case when next.third_at <= step_4 + interval 21 days then next.third_at end as step_5,
        greatest(next.third_at, step_4 + interval 21 days) as looked_at
    from onboarding_4 as four
    asof left join valid_days as next
        on four.creator_id = next.creator_id and four.step_4 <= next.occurred_at
),
onboarding_6 as (
    select
        five.*,
        case
            when step_5 is not null and next.occurred_at <= step_4 + interval 28 days
                then next.occurred_at
        end as step_6
    from onboarding_5 as five
    asof left join (from activities where activity = 'live_day') as next
        on five.creator_id = next.creator_id and five.looked_at <= next.occurred_at
),
reactivation_1 as (
    select distinct
        creator_id,
        occurred_at as step_1,
        occurred_at + interval 1 day as looked_at
    from returns
),
reactivation_2 as (
    select
        one.creator_id,
        one.step_1,
        case when next.occurred_at <= step_1 + interval 7 days then next.occurred_at end as step_2,
        one.step_1 + interval 21 days as looked_at
    from reactivation_1 as one
    asof left join (from activities where activity = 'live_day') as next
        on one.creator_id = next.creator_id and one.looked_at <= next.occurred_at
),
reactivation_3 as (
    select
        two.*,
        case
            when step_2 is not null and next.occurred_at <= step_1 + interval 28 days
                then next.occurred_at
        end as step_3
    from reactivation_2 as two
    asof left join (from activities where activity = 'live_day') as next
        on two.creator_id = next.creator_id and two.looked_at <= next.occurred_at
),
campaign_1 as (
    select distinct creator_id, occurred_at as step_1
    from activities
    where activity = 'campaign_exposed'
),
campaign_2 as (
    select
        one.*,
        case when next.occurred_at <= step_1 + interval 14 days then next.occurred_at end as step_2
    from campaign_1 as one
    asof left join (from activities where activity = 'campaign_enrolled') as next
        on one.creator_id = next.creator_id and one.step_1 <= next.occurred_at
),
campaign_3 as (
    select
        two.*,
        case when next.occurred_at <= step_2 + interval 7 days then next.occurred_at end as step_3
    from campaign_2 as two
    asof left join (from activities where activity = 'live_day') as next
        on two.creator_id = next.creator_id and two.step_2 <= next.occurred_at
),
campaign_4 as (
    select
        three.*,
        case
            when
                next.third_at <= step_3 + interval 21 days
                and next.third_at <= step_1 + interval 42 days
                then next.third_at
        end as step_4
    from campaign_3 as three
    asof left join valid_days as next
        on three.creator_id = next.creator_id and three.step_3 <= next.occurred_at
),
-- Who withdrew on the way has not gone it.
campaign_stayed as (
    select four.*
    from campaign_4 as four
    asof left join (from activities where activity = 'withdrew') as away
        on four.creator_id = away.creator_id and four.step_2 < away.occurred_at
    where
        away.occurred_at is null
        or away.occurred_at >= four.step_4
        or (four.step_4 is null and away.occurred_at > four.step_1 + interval 42 days)
),
training_1 as (
    select distinct creator_id, occurred_at as step_1
    from activities
    where activity = 'training_exposed'
),
training_2 as (
    select
        one.*,
        case when next.occurred_at <= step_1 + interval 14 days then next.occurred_at end as step_2
    from training_1 as one
    asof left join (from activities where activity = 'training_enrolled') as next
        on one.creator_id = next.creator_id and one.step_1 <= next.occurred_at
),
training_3 as (
    select
        two.*,
        case when next.occurred_at <= step_2 + interval 14 days then next.occurred_at end as step_3
    from training_2 as two
    asof left join (from activities where activity = 'training_completed') as next
        on two.creator_id = next.creator_id and two.step_2 <= next.occurred_at
),
training_4 as (
    select
        three.*,
        case when next.occurred_at <= step_3 + interval 14 days then next.occurred_at end as step_4
    from training_3 as three
    asof left join valid_days as next
        on three.creator_id = next.creator_id and three.step_3 <= next.occurred_at
)
select
    'onboarding' as funnel_name,
    creator_id,
    [step_1, step_2, step_3, step_4, step_5, step_6] as reached
from onboarding_6
union all
select 'reactivation', creator_id, [step_1, step_2, step_3] from reactivation_3
union all
select 'campaign_participation', creator_id, [step_1, step_2, step_3, step_4] from campaign_stayed
union all
select 'training_completion', creator_id, [step_1, step_2, step_3, step_4] from training_4;

create table funnel_steps as
from (values
    ('onboarding', 1, 'applied', 0),
    ('onboarding', 2, 'approved', 21),
    ('onboarding', 3, 'trained', 42),
    ('onboarding', 4, 'first_live', 63),
    ('onboarding', 5, 'third_valid_day', 84),
    ('onboarding', 6, 'retained_in_week_4', 91),
    ('reactivation', 1, 'came_back', 0),
    ('reactivation', 2, 'live_again', 7),
    ('reactivation', 3, 'stayed', 28),
    ('campaign_participation', 1, 'saw', 0),
    ('campaign_participation', 2, 'joined', 14),
    ('campaign_participation', 3, 'went_live', 21),
    ('campaign_participation', 4, 'third_valid_day', 42),
    ('training_completion', 1, 'offered', 0),
    ('training_completion', 2, 'began', 14),
    ('training_completion', 3, 'completed', 28),
    ('training_completion', 4, 'valid_day_after', 42)
) as steps (funnel_name, step_index, step_name, limit_days);

-- Until when, from a day on, nothing is missing of what a funnel is seen by.
create table seen_until as
with sources as (
    from (values
        ('onboarding', 'onboarding_events'), ('onboarding', 'live'), ('reactivation', 'live'),
        ('campaign_participation', 'program_events'), ('campaign_participation', 'live'),
        ('training_completion', 'program_events'), ('training_completion', 'live')
    ) as sources (funnel_name, feed)
),
feed_events as (
    select 'onboarding_events' as feed, cast(occurred_at as date) as event_date
    from onboarding_events
    union all
    select 'program_events' as feed, cast(occurred_at as date) as event_date from program_events
    union all
    select feed, arrival_date as event_date from arrivals
    where feed in ('onboarding_events', 'program_events')
),
feed_days as (
    select
        feed,
        cast(unnest(generate_series(min(event_date), max(event_date), interval 1 day)) as date)
            as event_date
    from feed_events
    group by feed
),
answered as (
    select feed, arrival_date as event_date from arrivals
    union
    select feed, arrival_date - 1 as event_date from arrivals
),
source_days as (
    select 'live' as feed, event_date, is_covered from live_days
    union all
    select
        feed_days.feed,
        feed_days.event_date,
        coalesce(min(answered.event_date) over (
            partition by feed_days.feed order by feed_days.event_date
            rows between current row and unbounded following
        ) <= feed_days.event_date + 7, false) as is_covered
    from feed_days
    left join answered using (feed, event_date)
),
source_ends as (
    select 'live' as feed, as_of_date from as_of
    union all
    select feed, max(arrival_date) as as_of_date from arrivals group by feed
),
days as (
    select
        sources.funnel_name,
        source_days.event_date,
        count(*) filter (source_days.is_covered) = any_value(counts.sources_count)
        and source_days.event_date < any_value(counts.as_of_date) as is_seen
    from sources
    inner join source_days using (feed)
    inner join (
        select funnel_name, count(*) as sources_count, min(as_of_date) as as_of_date
        from sources
        inner join source_ends using (feed)
        group by funnel_name
    ) as counts on sources.funnel_name = counts.funnel_name
    group by sources.funnel_name, source_days.event_date
)
select
    funnel_name,
    event_date,
    coalesce(
        min(event_date) filter (not is_seen) over (
            partition by funnel_name order by event_date
            rows between current row and unbounded following
        ),
        max(event_date) over (partition by funnel_name) + 1
    ) as seen_until_date
from days;

create table funnel_creator_steps as
with best as (
    from attempts
    qualify row_number() over (
        partition by funnel_name, creator_id
        order by len(list_filter(reached, lambda moment: moment is not null)) desc, reached[1]
    ) = 1
)
select
    best.funnel_name,
    best.creator_id,
    cast(funnel_steps.step_index as bigint) as step_index,
    funnel_steps.step_name,
    cast(date_trunc('week', local_day(reached[1], coalesce(creators.timezone, 'UTC'))) as date)
        as entry_week_start_date,
    reached[1] as entered_at,
    reached[funnel_steps.step_index] as reached_at,
    reached[1] + to_days(funnel_steps.limit_days) as matures_at,
    seen_until.seen_until_date,
    reached_at is not null as is_reached,
    coalesce(cast(matures_at as date) < seen_until.seen_until_date, false) as is_matured,
    case
        when funnel_steps.step_index > 1
            then date_sub('second', reached[funnel_steps.step_index - 1], reached_at)
    end as from_previous_seconds,
    date_sub('second', entered_at, reached_at) as from_start_seconds
from best
inner join funnel_steps using (funnel_name)
left join dim_creators as creators using (creator_id)
left join seen_until
    on
        best.funnel_name = seen_until.funnel_name
        and cast(reached[1] as date) = seen_until.event_date;

-- How many came how far -----------------------------------------------------------------------------

create table funnel_conversion as
with segments as (
    select creator_id, 'all' as segment_kind, 'all' as segment_value from lifetimes
    union all
    from (
        unpivot (select creator_id, market, agency, category, acquisition_source, language, tier
            from lifetimes)
        on * exclude (creator_id) into name segment_kind value segment_value
    )
),
unknown_segments as (
    from (values
        ('all', 'all'), ('market', 'unknown'), ('agency', 'unknown'), ('category', 'unknown'),
        ('acquisition_source', 'unknown'), ('language', 'unknown'), ('tier', 'unknown')
    ) as unknown_segments (segment_kind, segment_value)
),
creator_segments as (
    from segments
    union all
    select strangers.creator_id, unknown_segments.*
    from (
        select distinct creator_id from funnel_creator_steps
        where creator_id not in (select creator_id from lifetimes)
    ) as strangers
    cross join unknown_segments
),
-- A creator is followed through the last day that was seen without a gap, as far as the step's limit.
followed as (
    select
        steps.*,
        funnel_steps.limit_days,
        least(
            steps.seen_until_date - cast(steps.entered_at as date) - 1, funnel_steps.limit_days
        ) as followed_days,
        cast(steps.reached_at as date) - cast(steps.entered_at as date) as reached_days,
        coalesce(
            weeks.seen_until_date > steps.entry_week_start_date + 6 + funnel_steps.limit_days, false
        ) as is_week_over
    from funnel_creator_steps as steps
    inner join funnel_steps using (funnel_name, step_index)
    left join seen_until as weeks
        on
            steps.funnel_name = weeks.funnel_name
            and steps.entry_week_start_date = weeks.event_date
),
segment_steps as (
    select
        followed.*,
        creator_segments.segment_kind,
        creator_segments.segment_value,
        coalesce(reached_days <= followed_days, false) as is_reached_in_sight,
        case
            when reached_days <= followed_days then reached_days
            when followed_days >= 0 then followed_days
        end as left_days
    from followed
    inner join creator_segments using (creator_id)
),
cells as (
    select
        funnel_name,
        entry_week_start_date,
        segment_kind,
        segment_value,
        step_index,
        step_name,
        count(*) as entrants_count,
        count(*) filter (is_matured) as matured_count,
        count(*) filter (is_reached) as reached_count,
        quantile_cont(from_previous_seconds, 0.5) as median_from_previous,
        quantile_cont(from_previous_seconds, 0.9) as p90_from_previous,
        quantile_cont(from_start_seconds, 0.5) as median_from_start,
        bool_and(is_matured and is_week_over) as is_complete
    from segment_steps
    group by all
),
-- Kaplan and Meier's estimate over whole days since the entry, with Greenwood's variance.
left_counts as (
    select
        funnel_name,
        entry_week_start_date,
        segment_kind,
        segment_value,
        step_index,
        left_days,
        count(*) as left_count,
        count(*) filter (is_reached_in_sight) as reached_count
    from segment_steps
    where left_days is not null and step_index > 1
    group by all
),
at_risk as (
    select
        *,
        sum(left_count) over (
            partition by funnel_name, entry_week_start_date, segment_kind, segment_value, step_index
            order by left_days rows between current row and unbounded following
        ) as at_risk_count
    from left_counts
),
curves as (
    select
        *,
        min(at_risk_count - reached_count) over so_far = 0 as is_exhausted,
        sum(case
            when at_risk_count > reached_count
                then ln(1e0 - reached_count / cast(at_risk_count as double))
        end) over so_far as log_survival,
        sum(case
            when at_risk_count > reached_count
                then reached_count
                    / (cast(at_risk_count as double) * (at_risk_count - reached_count))
        end) over so_far as greenwood
    from at_risk
    window so_far as (
        partition by funnel_name, entry_week_start_date, segment_kind, segment_value, step_index
        order by left_days rows between unbounded preceding and current row
    )
),
survivals as (
    select
        *,
        case when is_exhausted then 0e0 else exp(coalesce(log_survival, 0e0)) end as survival
    from curves
),
estimates as (
    select
        funnel_name,
        entry_week_start_date,
        segment_kind,
        segment_value,
        step_index,
        max(left_days) as followed_days,
        1e0 - arg_max(survival, left_days) as reached_share,
        arg_max_null(
            case when survival > 0 and log_survival < 0 then 1e0 - exp(
                log_survival * exp(-1.959963984540054e0 * sqrt(greenwood) / log_survival)
            ) end,
            left_days
        ) as share_one,
        arg_max_null(
            case when survival > 0 and log_survival < 0 then 1e0 - exp(
                log_survival * exp(1.959963984540054e0 * sqrt(greenwood) / log_survival)
            ) end,
            left_days
        ) as share_two,
        min(left_days) filter (survival <= 0.5e0 + 1e-9) as median_days,
        min(left_days) filter (survival <= 0.1e0 + 1e-9) as p90_days
    from survivals
    group by all
),
with_previous as (
    select
        *,
        lag(reached_count) over (
            partition by funnel_name, entry_week_start_date, segment_kind, segment_value
            order by step_index
        ) as previous_reached_count
    from cells
)
select
    funnel_name,
    entry_week_start_date,
    segment_kind,
    segment_value,
    step_index,
    step_name,
    entrants_count,
    matured_count,
    reached_count,
    case
        when is_complete
            then cast(round(rate(reached_count, matured_count), 6) as decimal(9, 6))
    end as conversion_from_start_rate,
    case
        when is_complete
            then cast(round(rate(reached_count, previous_reached_count), 6) as decimal(9, 6))
    end as conversion_from_previous_rate,
    case
        when is_complete and step_index > 1
            then cast(round(wilson(reached_count, matured_count, -1), 6) as decimal(9, 6))
    end as ci_low,
    case
        when is_complete and step_index > 1
            then cast(round(wilson(reached_count, matured_count, 1), 6) as decimal(9, 6))
    end as ci_high,
    case when is_complete then cast(round(median_from_previous) as bigint) end
        as median_seconds_from_previous,
    case when is_complete then cast(round(p90_from_previous) as bigint) end
        as p90_seconds_from_previous,
    case when is_complete then cast(round(median_from_start) as bigint) end
        as median_seconds_from_start,
    is_complete,
    -- Logarithms are added up in whatever order: their last bits do not decide how a rate is rounded.
    cast(round(round(reached_share, 12), 6) as decimal(9, 6)) as km_conversion_rate,
    cast(round(round(least(share_one, share_two), 12), 6) as decimal(9, 6)) as km_ci_low,
    cast(round(round(greatest(share_one, share_two), 12), 6) as decimal(9, 6)) as km_ci_high,
    followed_days as km_followed_days,
    median_days as km_median_days_from_start,
    p90_days as km_p90_days_from_start
from with_previous
left join estimates
    using (funnel_name, entry_week_start_date, segment_kind, segment_value, step_index);
