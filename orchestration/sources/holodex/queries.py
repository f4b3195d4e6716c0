"""The SQL of the Holodex adapter: two collected tables become three canonical feeds.

What lives here: constants only. No path and no value is ever composed into these texts: paths and
values are bound by the adapter. The session's time zone is UTC, which is what gives the naive
timestamps of the collector their meaning.

Decisions, each with its reason:

* A session's id is its channel and its start. The collector wrote a row each time it believed the
  session closed; those rows share the id and differ in `updated_at` (their end), so the pipeline's
  rule (greatest `updated_at` wins) keeps the last end, and all rows are landed.
* `arrival_date` is the UTC day of the end: the collector learned of the row when it closed it.
* A channel record belongs to the sessions with its `source_file` (the name it then had), so the
  order of two records of one channel is known: by the first session closed under each name.
* The first record of every channel arrives with the first day, so that no session precedes its
  creator. A later record (a rename) arrives on the day it was first seen, with that moment as
  `updated_at`, so that it wins from then on and never comes from the future.
* `subscribers_gained` is not landed as `new_followers`: it is the difference to the channel's
  previous row, however long ago that was (one row "gained" 445,000 subscribers in 66 minutes,
  108 days after the row before it), and where a session has several rows the last has
  0 in 93 of 100 cases. Neither is what the session earned.
"""

from __future__ import annotations

LOAD_SESSIONS = """
create table source_sessions as
select
    nullif(trim(channel_id), '') as channel_id,
    coalesce(source_file, '') as source_file,
    nullif(trim(topic), '') as topic,
    -- Outside these bounds a time is a broken value: no folder could be named after its day.
    case
        when cast(start_utc as timestamp) between timestamp '1970-01-01' and timestamp '9999-12-31'
            then cast(start_utc as timestamp)
    end as started_at,
    case
        when cast(end_utc as timestamp) between timestamp '1970-01-01' and timestamp '9999-12-31'
            then cast(end_utc as timestamp)
    end as ended_at,
    cast(peak_at_utc as timestamp) as peak_at,
    try_cast(viewers_avg as decimal(18, 4)) as average_viewers,
    viewers_avg is not null as has_average_viewers,
    try_cast(viewers_peak as bigint) as peak_viewers,
    try_cast(subscribers_gained as bigint) as subscribers_gained
from read_parquet($path)
"""

LOAD_CHANNELS = """
create table source_channels as
select
    nullif(trim(channel_id), '') as channel_id,
    coalesce(source_file, '') as source_file,
    nullif(trim(channel_name), '') as channel_name,
    nullif(trim(type), '') as channel_type,
    -- Composed form, so that one name typed in two ways is one agency.
    nullif(trim(nfc_normalize(agency)), '') as agency_name,
    try_cast(subscribers as bigint) as subscribers
from read_parquet($path)
"""

# Rows without any time of their own go to the last day, where ingest refuses them with a reason:
# leaving them out here would lose them in silence.
ARRANGE_SESSIONS = """
create table arranged_sessions as
select
    source_sessions.*,
    coalesce(
        cast(ended_at as date),
        cast(started_at as date),
        max(cast(coalesce(ended_at, started_at) as date)) over ()
    ) as arrival_date
from source_sessions
"""

FEED_LIVE_SESSIONS = """
create table feed_live_sessions as
select
    channel_id || '-' || strftime(started_at, '%Y%m%dT%H%M%SZ') as session_id,
    channel_id as creator_id,
    'youtube' as platform,
    cast(started_at as timestamptz) as started_at,
    cast(ended_at as timestamptz) as ended_at,
    topic as category,
    average_viewers,
    peak_viewers,
    -- ACU is viewer-time over session time, so the product gives the viewer-time back.
    try_cast(
        round(
            average_viewers
            * cast((epoch_us(ended_at) - epoch_us(started_at)) // 1000000 as decimal(18, 0))
        ) as bigint
    ) as viewer_seconds,
    cast(coalesce(ended_at, started_at) as timestamptz) as updated_at,
    arrival_date
from arranged_sessions
"""

# A name that is only signs has no slug, and names that differ only in case or signs share one.
# Every member of such a group gets a hash of its own name: which one came first must not decide,
# because the next collection may bring them in another order.
FEED_AGENCIES = """
create table feed_agencies as
with

first_day as (

    select min(arrival_date) as arrival_date from arranged_sessions

),

agency_names as (

    select
        agency_name,
        trim(regexp_replace(lower(agency_name), '[^\\p{L}\\p{M}\\p{N}]+', '-', 'g'), '-') as slug
    from source_channels
    where
        agency_name is not null
        and lower(agency_name) not in (select name from not_agencies)
    group by agency_name

),

final as (

    select
        case
            when slug = '' then 'agency-' || left(md5(agency_name), 8)
            when count(*) over (partition by slug) > 1
                then slug || '-' || left(md5(agency_name), 8)
            else slug
        end as agency_id,
        agency_name as name,
        cast(null as varchar) as country,
        cast(cast(first_day.arrival_date as timestamp) as timestamptz) as updated_at,
        first_day.arrival_date
    from agency_names
    cross join first_day

)

select * from final
"""

FEED_CREATORS = """
create table feed_creators as
with

first_day as (

    select min(arrival_date) as arrival_date from arranged_sessions

),

names_seen as (

    select
        channel_id,
        source_file,
        min(coalesce(ended_at, started_at)) as first_seen_at
    from arranged_sessions
    where channel_id is not null
    group by channel_id, source_file

),

records as (

    select
        source_channels.channel_id,
        source_channels.channel_name,
        source_channels.channel_type,
        source_channels.agency_name,
        source_channels.subscribers,
        names_seen.first_seen_at,
        row_number() over (
            partition by source_channels.channel_id
            order by
                names_seen.first_seen_at asc nulls last,
                source_channels.source_file,
                source_channels.channel_name,
                source_channels.agency_name,
                source_channels.subscribers
        ) as record_number,
        -- Two records of one moment have no order; the same sort as above chooses one of them.
        row_number() over (
            partition by source_channels.channel_id, names_seen.first_seen_at
            order by
                source_channels.source_file,
                source_channels.channel_name,
                source_channels.agency_name,
                source_channels.subscribers
        ) as record_number_at_moment
    from source_channels
    left join names_seen
        on
            source_channels.channel_id = names_seen.channel_id
            and source_channels.source_file = names_seen.source_file

),

placed as (

    select
        records.*,
        coalesce(records.record_number > 1 and records.channel_id is not null, false)
            as is_later_record,
        first_day.arrival_date as first_date
    from records
    cross join first_day
    where
        records.record_number = 1
        or (records.first_seen_at is not null and records.record_number_at_moment = 1)
        -- Not ours to drop: ingest refuses a record without a channel, with a reason.
        or records.channel_id is null

),

final as (

    select
        placed.channel_id as creator_id,
        'youtube' as platform,
        placed.channel_name as handle,
        cast(null as varchar) as country,
        cast(null as timestamptz) as joined_at,
        'active' as status,
        cast(
            case
                when placed.is_later_record then placed.first_seen_at
                else cast(placed.first_date as timestamp)
            end as timestamptz
        ) as updated_at,
        'UTC' as timezone,
        feed_agencies.agency_id,
        placed.channel_type as category,
        placed.subscribers as follower_count,
        case
            when placed.is_later_record then cast(placed.first_seen_at as date)
            else placed.first_date
        end as arrival_date
    from placed
    left join feed_agencies
        on placed.agency_name = feed_agencies.name

)

select * from final
"""

# What the notes count. Each column is one note's number.
COUNT_SESSIONS = """
with

session_sizes as (

    select
        feed_live_sessions.session_id,
        count(*) as row_count
    from feed_live_sessions
    where feed_live_sessions.session_id is not null
    group by feed_live_sessions.session_id

),

final as (

    select
        (select sum(row_count - 1) from session_sizes) as repeated_rows,
        (select count(*) from session_sizes where row_count > 1) as repeated_sessions,
        count(*) filter (where ended_at - started_at > interval 48 hour) as over_48_hours,
        count(*) filter (where peak_at < started_at or peak_at > ended_at) as peak_outside,
        count(*) filter (where topic is null) as without_topic,
        count(*) filter (where subscribers_gained <> 0) as subscribers_gained,
        count(*) filter (where ended_at is null) as without_end,
        count(*) filter (where has_average_viewers and average_viewers is null)
            as unreadable_average,
        count(*) filter (
            where channel_id not in (
                select channel_id from source_channels where channel_id is not null
            )
        ) as without_creator
    from arranged_sessions

)

select * from final
"""

COUNT_CREATORS = """
with

channel_sizes as (

    select
        channel_id,
        count(*) as record_count
    from source_channels
    where channel_id is not null
    group by channel_id

),

final as (

    select
        (select count(*) from channel_sizes where record_count > 1) as renamed_channels,
        (select count(*) from source_channels) - (select count(*) from feed_creators)
            as records_without_order,
        (select count(*) from source_channels where agency_name is null) as agency_missing,
        (
            select count(*) from source_channels
            where lower(agency_name) in (select name from not_agencies)
        ) as independents,
        (select count(distinct creator_id) from feed_creators) as creators,
        (select count(*) from feed_agencies) as agencies,
        (select count(*) - count(distinct agency_id) from feed_agencies) as agency_collisions

)

select * from final
"""

# Which days a feed gets files for, and how many rows each.
DAYS = {
    "creators": "select arrival_date, count(*) from feed_creators group by all order by all",
    "agencies": "select arrival_date, count(*) from feed_agencies group by all order by all",
    "live_sessions": (
        "select arrival_date, count(*) from feed_live_sessions group by all order by all"
    ),
}

# Ordered by every column: the bytes then depend on the rows alone.
WRITE_DAY = {
    feed: f"""
copy (
    select * exclude (arrival_date)
    from feed_{feed}
    where arrival_date = $arrival_date
    order by all
) to $path (format parquet, compression zstd)
"""
    for feed in ("creators", "agencies", "live_sessions")
}
