with

source as (

    select * from {{ source('raw', 'reward_payouts') }}

),

final as (

    select
        payout_id,
        program_id,
        creator_id,
        task_id,
        period_start as period_start_date,
        period_end as period_end_date,
        {{ utc_timestamp('paid_at') }} as paid_at,
        lower(status) as status,
        upper(currency) as currency,
        amount,
        _dt as arrival_date,
        _file as arrival_file,
        _row as arrival_row
    from source

)

select * from final
