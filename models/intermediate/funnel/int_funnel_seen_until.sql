{#- A feed of events has nothing to say on many days. Silent for longer, it may have stopped. -#}
{%- set silent_days = 7 -%}
{%- set live_feeds = ['live_sessions', 'live_snapshots', 'backstage_reports'] -%}

with

live_days as (

    select
        'live' as known_by,
        event_date,
        is_covered
    from {{ ref('int_live_coverage_days') }}

),

feed_days as (

    -- How many rows a day has proves nothing here: payouts and programs come in showers.
    select
        feed as known_by,
        event_date,
        coalesce(
            min(case when has_arrival then event_date end) over (
                partition by feed
                order by event_date
                rows between current row and unbounded following
            ) <= {{ add_days('event_date', silent_days) }},
            false
        ) as is_covered
    from {{ ref('int_coverage_days') }}

),

source_days as (

    select * from live_days

    union all

    select * from feed_days

),

live_as_of as (

    select * from {{ ref('int_live_as_of') }}

),

feed_as_of as (

    select * from {{ ref('int_feed_as_of') }}

),

-- LIVE days are known by whatever route; the other feeds have to be there each.
funnel_sources as (

    {% for funnel in funnels_with_limits() -%}
    {%- set last_of_funnels = loop.last -%}
    {%- set sources = funnel.feeds | reject('in', live_feeds) | list
        + (['live'] if funnel.feeds | select('in', live_feeds) | list else []) -%}
    {%- for known_by in sources -%}
    select
        '{{ funnel.declared.name }}' as funnel_name,
        '{{ known_by }}' as known_by,
        {{ sources | length }} as sources_count
    {%- if not (loop.last and last_of_funnels) %}
    union all
    {% endif %}
    {%- endfor %}
    {%- endfor %}

),

-- The last arrival day itself still fills.
source_ends as (

    select
        'live' as known_by,
        as_of_date
    from live_as_of

    union all

    select
        feed as known_by,
        as_of_date
    from feed_as_of

),

funnel_ends as (

    select
        funnel_sources.funnel_name,
        min(source_ends.as_of_date) as as_of_date
    from funnel_sources
    inner join source_ends on funnel_sources.known_by = source_ends.known_by
    group by funnel_sources.funnel_name

),

funnel_days as (

    select
        funnel_sources.funnel_name,
        source_days.event_date,
        (
            sum(case when source_days.is_covered then 1 else 0 end)
            = max(funnel_sources.sources_count)
            and source_days.event_date < max(funnel_ends.as_of_date)
        ) as is_seen
    from funnel_sources
    inner join source_days on funnel_sources.known_by = source_days.known_by
    inner join funnel_ends on funnel_sources.funnel_name = funnel_ends.funnel_name
    group by funnel_sources.funnel_name, source_days.event_date

),

final as (

    select
        funnel_name,
        event_date,
        coalesce(
            min(case when not is_seen then event_date end) over (
                partition by funnel_name
                order by event_date
                rows between current row and unbounded following
            ),
            {{ add_days('max(event_date) over (partition by funnel_name)', 1) }}
        ) as seen_until_date
    from funnel_days

)

select * from final
