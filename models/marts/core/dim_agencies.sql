with

markets as (

    select * from {{ ref('dim_markets') }}

),

agencies as (

    select * from {{ ref('int_agencies_current') }}

),

final as (

    select
        agencies.agency_id,
        agencies.name,
        agencies.country,
        coalesce(markets.market, 'ZZ') as market,
        agencies.tier,
        agencies.commission_rate,
        agencies.updated_at,
        agencies.arrival_date,
        agencies.arrival_file,
        agencies.arrival_row
    from agencies
    left join markets on agencies.country = markets.country

)

select * from final
