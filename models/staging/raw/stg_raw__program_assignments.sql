with

source as (

    select * from {{ source('raw', 'program_assignments') }}

),

final as (

    select
        program_id,
        creator_id,
        cluster_id,
        arm,
        {{ utc_timestamp('assigned_at') }} as assigned_at,
        {{ utc_timestamp('starts_at') }} as starts_at,
        {{ utc_timestamp('updated_at') }} as updated_at,
        _dt as arrival_date,
        _file as arrival_file,
        _row as arrival_row
    from source

)

select * from final
