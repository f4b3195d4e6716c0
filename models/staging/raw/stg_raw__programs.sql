with

source as (

    select * from {{ source('raw', 'programs') }}

),

final as (

    select
        program_id,
        kind,
        design,
        name_en,
        name_es,
        upper(market) as market,
        assignment_unit,
        owner,
        {{ utc_timestamp('starts_at') }} as starts_at,
        {{ utc_timestamp('ends_at') }} as ends_at,
        upper(currency) as currency,
        budget_amount,
        {{ utc_timestamp('updated_at') }} as updated_at,
        _dt as arrival_date,
        _file as arrival_file,
        _row as arrival_row
    from source

)

select * from final
