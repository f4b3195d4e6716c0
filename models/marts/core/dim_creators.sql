{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ replace_rows('int_creators_changed', ['creator_id']) }}",
) }}

with

changed_creators as (

    select * from {{ ref('int_creators_changed') }}
    where is_present

),

markets as (

    select * from {{ ref('dim_markets') }}

),

unknown_market as (

    select
        market,
        timezone
    from {{ ref('dim_markets') }}
    where market = 'ZZ'

),

placed_creators as (

    select
        changed_creators.*,
        coalesce(markets.market, unknown_market.market) as market,
        case
            when {{ is_known_timezone('changed_creators.timezone') }}
                then changed_creators.timezone
            else coalesce(markets.timezone, unknown_market.timezone)
        end as effective_timezone
    from changed_creators
    cross join unknown_market
    left join markets on changed_creators.country = markets.country

),

final as (

    select
        creator_id,
        agency_id,
        platform,
        handle,
        country,
        market,
        effective_timezone as timezone,
        language,
        category,
        acquisition_source,
        tier,
        status,
        joined_at,
        {{ local_day('joined_at', 'effective_timezone') }} as joined_date,
        follower_count,
        updated_at,
        arrival_date,
        arrival_file,
        arrival_row
    from placed_creators

)

select * from final
