with

source as (

    select * from {{ source('raw', 'program_tasks') }}

),

final as (

    select
        task_id,
        program_id,
        metric,
        {{ adapter.quote('window') }} as task_window,
        valid_from,
        valid_to,
        upper(currency) as currency,
        threshold,
        reward_amount,
        _dt as arrival_date,
        _file as arrival_file,
        _row as arrival_row
    from source

)

select * from final
