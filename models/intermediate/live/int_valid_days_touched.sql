{%- set previous_valid_days = previous('fct_valid_days') -%}

-- Read only where valid days exist, so dbt does not see it by itself:
-- depends_on: {{ ref('int_creator_days_touched') }}
-- depends_on: {{ ref('int_creator_histories_touched') }}
-- depends_on: {{ ref('stg_ops__rule_months') }}

with

creator_days as (

    select
        creator_id,
        local_date
    from {{ ref('fct_creator_days') }}

),

rule_creators as (

    select * from {{ ref('int_program_rule_creators') }}

),

{% if previous_valid_days -%}
held_creators as (

    -- distinct: creators have many days
    select distinct
        creator_id,
        program
    from {{ previous_valid_days }}

),

new_creators as (

    -- distinct: a creator can be in several such programs
    select distinct rule_creators.creator_id
    from rule_creators
    left join held_creators
        on
            rule_creators.creator_id = held_creators.creator_id
            and rule_creators.program = held_creators.program
    where held_creators.creator_id is null

),

gone_creators as (

    -- distinct: a creator can have been in several such programs
    select distinct held_creators.creator_id
    from held_creators
    left join rule_creators
        on
            held_creators.creator_id = rule_creators.creator_id
            and held_creators.program = rule_creators.program
    where rule_creators.creator_id is null

),

touched_histories as (

    select
        creator_id,
        min(touched_from_date) as touched_from_date
    from {{ ref('int_creator_histories_touched') }}
    group by creator_id

),

days_of_rule_creators as (

    select creator_days.*
    from creator_days
    where creator_days.creator_id in (select rule_creators.creator_id from rule_creators)

),

touched as (

    -- Also days on which nobody is LIVE any more, so not those of creator days.
    select
        creator_id,
        local_date
    from {{ ref('int_creator_days_touched') }}

    union all

    select days_of_rule_creators.*
    from days_of_rule_creators
    inner join new_creators on days_of_rule_creators.creator_id = new_creators.creator_id

    union all

    select
        held.creator_id,
        held.local_date
    from {{ previous_valid_days }} as held
    inner join gone_creators on held.creator_id = gone_creators.creator_id

    union all

    -- Another market or platform may have another rule.
    select days_of_rule_creators.*
    from days_of_rule_creators
    inner join touched_histories
        on
            days_of_rule_creators.creator_id = touched_histories.creator_id
            and days_of_rule_creators.local_date >= touched_histories.touched_from_date

    union all

    -- Months that somebody reads by the rules of today, or did, can have other rules.
    select days_of_rule_creators.*
    from days_of_rule_creators
    inner join {{ ref('stg_ops__rule_months') }} as rule_months
        on {{ month_start('days_of_rule_creators.local_date') }} = rule_months.month_start_date

),
{%- else -%}
touched as (

    select creator_days.*
    from creator_days
    where creator_days.creator_id in (select rule_creators.creator_id from rule_creators)

),
{%- endif %}

final as (

    -- distinct: a day is touched for several reasons
    select distinct
        creator_id,
        local_date
    from touched

)

select * from final
