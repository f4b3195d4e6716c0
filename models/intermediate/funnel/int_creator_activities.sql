{#
    A view, of one branch for each declared activity: a reader who asks for some activities reads their
    facts and nothing else, and LIVE days, which are most of it, are never written a second time.
#}
{{ config(materialized='view') }}

{%- set event_feeds = [
    'onboarding_events', 'program_events', 'asset_uses', 'reward_payouts', 'enforcement_events',
] -%}

with

creators as (

    select * from {{ ref('dim_creators') }}

),

creator_events as (

    select * from {{ ref('int_creator_events') }}

),

programs as (

    select * from {{ ref('int_programs_current') }}

),

-- Each branch reads days by itself: one CTE for all would keep every day of history, also for
-- whoever asks for a few.
creator_days as {{ inlined() }} (

    select
        creator_id,
        local_date,
        -- Of whom only the day is known was LIVE by its end: what else it holds can come before.
        coalesce(
            first_live_at,
            {{ add_seconds('cast(' ~ add_days('local_date', 1) ~ ' as timestamp)', -1) }}
        ) as occurred_at,
        session_count,
        is_valid_day
    from {{ ref('fct_creator_days') }}

),

creator_returns as (

    select * from {{ ref('int_creator_returns') }}

),

return_days as (

    select
        creator_days.creator_id,
        creator_days.local_date,
        creator_days.occurred_at,
        creator_returns.days_away_count
    from creator_days
    inner join creator_returns
        on
            creator_days.creator_id = creator_returns.creator_id
            and creator_days.local_date = creator_returns.local_date

),

final as (

    {% for activity in declared_activities() -%}
    {%- set came_from = activity.comes_from -%}
    {%- if came_from in event_feeds -%}
    select
        creator_events.creator_id,
        '{{ activity.name }}' as activity,
        creator_events.occurred_at,
        {{ local_day('creator_events.occurred_at', "coalesce(creators.timezone, 'UTC')") }}
            as local_date,
        creator_events.program_id
    from creator_events
    left join creators on creator_events.creator_id = creators.creator_id
    {%- if activity.program_kind %}
    inner join programs
        on
            creator_events.program_id = programs.program_id
            and programs.kind = '{{ activity.program_kind }}'
    {%- endif %}
    where
        creator_events.feed = '{{ came_from }}'
        {%- if activity.step or activity.event %}
        and creator_events.event_word = '{{ activity.step or activity.event }}'
        {%- elif came_from == 'reward_payouts' %}
        -- What was taken back was not paid.
        and coalesce(creator_events.event_word, '') <> 'reversed'
        {%- endif %}
    {%- else -%}
    select
        creator_id,
        '{{ activity.name }}' as activity,
        occurred_at,
        local_date,
        cast(null as {{ dbt.type_string() }}) as program_id
    from {{ 'return_days' if came_from == 'returns' else 'creator_days' }}
    where {{ {
        'live_days': 'session_count > 0',
        'valid_live_days': 'is_valid_day',
        'returns': 'days_away_count >= ' ~ activity.days_away,
    }[came_from] }}
    {%- endif %}
    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

)

select * from final
