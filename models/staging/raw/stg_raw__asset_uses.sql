with

source as (

    select * from {{ source('raw', 'asset_uses') }}

),

final as (

    select
        use_id,
        asset_id,
        creator_id,
        asset_kind,
        language,
        {{ utc_timestamp('used_at') }} as used_at,
        _dt as arrival_date,
        _file as arrival_file,
        _row as arrival_row
    from source

)

select * from final
