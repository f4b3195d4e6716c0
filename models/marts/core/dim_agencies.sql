{#
    Built anew every time: agencies are counted in thousands, and reading all their versions costs
    less than keeping track of which changed.
#}
with

markets as (

    select * from {{ ref('dim_markets') }}

),

agencies as (

    {{ changed_versions(
        feed='agencies',
        rows=ref('stg_raw__agencies'),
        key='agency_id',
        columns=['name', 'country', 'tier', 'commission_rate'],
        previous_fact=none,
    ) | indent(4) }}

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
