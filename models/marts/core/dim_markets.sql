with

markets as (

    select * from {{ ref('markets') }}

),

final as (

    select
        market,
        country,
        name_en,
        name_es,
        timezone,
        currency,
        language
    from markets

)

select * from final
