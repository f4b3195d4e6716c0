with

source as (

    select * from {{ source('raw', 'program_events') }}

),

final as (

    select
        event_id,
        program_id,
        creator_id,
        module_id,
        event,
        language,
        {{ utc_timestamp('occurred_at') }} as occurred_at,
        score as score_rate,
        _dt as arrival_date,
        _file as arrival_file,
        _row as arrival_row
    from source

)

select * from final
