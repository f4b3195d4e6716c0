{%- set previous_events = previous('int_creator_events') -%}

{#- Feed by feed: the key, the instant, and the word that says what happened. -#}
{%- set feeds = [
    ('onboarding_events', 'event_id', 'occurred_at', 'step', none),
    ('program_events', 'event_id', 'occurred_at', 'event', 'program_id'),
    ('asset_uses', 'use_id', 'used_at', 'asset_kind', none),
    ('reward_payouts', 'payout_id', 'paid_at', 'status', 'program_id'),
    ('enforcement_events', 'event_id', 'occurred_at', 'severity', none),
] -%}

with

{% for feed, key, instant, word, program in feeds -%}
{#- These feeds have no updated_at: of several arrivals of an event, the latest is valid. -#}
{%- set rows -%}
    (
        select
            {{ key }} as event_id,
            creator_id,
            {{ program or 'cast(null as ' ~ dbt.type_string() ~ ')' }} as program_id,
            {{ word }} as event_word,
            {{ instant }} as occurred_at,
            cast(null as timestamp) as updated_at,
            arrival_date,
            arrival_file,
            arrival_row
        from {{ ref('stg_raw__' ~ feed) }}
    )
{%- endset -%}
changed_{{ feed }} as (

    {{ changed_versions(
        feed=feed,
        rows=rows,
        key='event_id',
        columns=['creator_id', 'program_id', 'event_word', 'occurred_at'],
        previous_fact=previous_events,
        held_where="held.feed = '" ~ feed ~ "'",
    ) | indent(4) }}

),

{% endfor -%}

final as (

    {% for feed, _, _, _, _ in feeds -%}
    select
        '{{ feed }}' as feed,
        event_id,
        creator_id,
        program_id,
        is_present,
        event_word,
        occurred_at,
        updated_at,
        arrival_date,
        arrival_file,
        arrival_row
    from changed_{{ feed }}
    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

)

select * from final
