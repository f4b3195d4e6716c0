-- The seconds of a creator's days are pieces of the creator's sessions: never more than the
-- sessions counted (overlaps count once), and not less where nothing can overlap, that is where the
-- creator has one session.
with

sessions as (

    select
        creator_id,
        count(*) as session_count,
        sum(counted_seconds) as counted_seconds
    from {{ ref('fct_live_sessions') }}
    group by creator_id

),

days as (

    select
        creator_id,
        sum(live_seconds) as live_seconds
    from {{ ref('fct_creator_days') }}
    where rule_id <> 'as_reported'
    group by creator_id

),

final as (

    select
        sessions.creator_id,
        sessions.counted_seconds,
        days.live_seconds
    from sessions
    left join days on sessions.creator_id = days.creator_id
    where
        days.creator_id is null
        or days.live_seconds > sessions.counted_seconds
        or (sessions.session_count = 1 and days.live_seconds <> sessions.counted_seconds)

)

select * from final
