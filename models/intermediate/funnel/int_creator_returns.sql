{#- The shortest absence that any declared activity calls one: shorter ones are not kept. -#}
{%- set shortest_days_away = declared_activities()
    | map(attribute='days_away') | select('integer') | min | default(7, true) -%}

with

active_days as (

    select * from {{ ref('int_creator_active_days') }}

),

creator_lifetimes as (

    select * from {{ ref('int_creator_lifetimes') }}

),

coverage_days as (

    select * from {{ ref('int_live_coverage_days') }}

),

days_seen as (

    select
        event_date,
        is_covered,
        sum(case when is_covered then 1 else 0 end) over (
            order by event_date
            rows between unbounded preceding and current row
        ) as covered_days_count
    from coverage_days

),

-- The day itself and the one of the LIVE before are no days away.
absences as (

    select
        creator_number,
        local_date,
        previous_active_date
    from active_days
    where {{ days_between('previous_active_date', 'local_date') }} > {{ shortest_days_away }}

),

-- Nobody was away on a day that nobody saw.
final as (

    select
        creator_lifetimes.creator_id,
        absences.local_date,
        absences.previous_active_date,
        days_until.covered_days_count - days_since.covered_days_count
        - case when days_until.is_covered then 1 else 0 end as days_away_count
    from absences
    inner join creator_lifetimes on absences.creator_number = creator_lifetimes.creator_number
    inner join days_seen as days_until on absences.local_date = days_until.event_date
    inner join days_seen as days_since on absences.previous_active_date = days_since.event_date

)

select * from final
