{%- set previous_attempts = previous('int_funnel_attempts') %}
{#- Local days and instants of UTC are at most a day apart. -#}
{%- set day_seconds = 86400 %}

-- The earlier attempts are read before they are replaced:
-- depends_on: {{ ref('int_creator_activities') }}
-- depends_on: {{ ref('int_creator_days_touched') }}
-- depends_on: {{ ref('dim_creators') }}

with

{% if previous_attempts -%}
attempts as (

    select * from {{ previous_attempts }}

),

activities as {{ inlined() }} (

    select * from {{ ref('int_creator_activities') }}

),

creators as (

    select * from {{ ref('dim_creators') }}

),

days_touched as (

    -- distinct: builds that did not finish leave their days in the queue
    select distinct
        creator_id,
        local_date
    from {{ ref('int_creator_days_touched') }}

),

{% for funnel in funnels_with_limits() -%}
{%- set name = funnel.declared.name -%}
{{ name }}_told as (

    -- What else than LIVE days decides: where the digest is another, something is.
    select
        activities.creator_id,
        {{ digest_of_rows(['activities.activity', 'activities.occurred_at', 'creators.timezone']) }}
            as told_digest,
        count(*) as told_count,
        {% for first_or_last in ['min', 'max'] -%}
        {{ first_or_last }}(
            case
                when {{ is_one_of('activities.activity', entry_activities(funnel.declared)) }}
                    then activities.occurred_at
            end
        ) as {{ first_or_last }}_entry_at{{ "," if not loop.last }}
        {% endfor %}
    from activities
    left join creators on activities.creator_id = creators.creator_id
    where {{ is_one_of('activities.activity', told_activities(funnel.declared)) }}
    group by activities.creator_id
    {% if begins_with_what_is_told(funnel.declared) -%}
    having count(
        case
            when {{ is_one_of('activities.activity', entry_activities(funnel.declared)) }} then 1
        end
    ) > 0
    {%- endif %}

),

{% endfor -%}
changed as (

    {% for funnel in funnels_with_limits() -%}
    {%- set name = funnel.declared.name -%}
    select
        '{{ name }}' as funnel_name,
        coalesce(told.creator_id, attempts.creator_id) as creator_id
    from {{ name }}_told as told
    full outer join (select * from attempts where funnel_name = '{{ name }}') as attempts
        on told.creator_id = attempts.creator_id
    where
        {{ differs('told.told_digest', 'attempts.told_digest') }}
        or {{ differs('told.told_count', 'attempts.told_count') }}

    union all

    select
        '{{ name }}' as funnel_name,
        days_touched.creator_id
    from days_touched
    {% if begins_with_what_is_told(funnel.declared) -%}
    inner join {{ name }}_told as told
        on
            days_touched.creator_id = told.creator_id
            and days_touched.local_date
            >= cast({{ add_seconds('told.min_entry_at', -day_seconds) }} as date)
            and days_touched.local_date
            <= cast({{ add_seconds(
                'told.max_entry_at', funnel.declared.window_seconds + day_seconds
            ) }} as date)
    {%- endif %}
    {% if not loop.last %}
    union all

    {% endif %}
    {%- endfor %}

),
{%- else -%}
changed as (

    -- Where attempts are made anew, everybody's are.
    select
        cast(null as {{ dbt.type_string() }}) as funnel_name,
        cast(null as {{ dbt.type_string() }}) as creator_id
    where false

),
{%- endif %}

final as (

    -- distinct: several days of a creator are touched, or something told as well
    select distinct
        funnel_name,
        creator_id
    from changed

)

select * from final
