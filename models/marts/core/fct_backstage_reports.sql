with

reports as (

    select * from {{ ref('int_backstage_reports') }}

),

final as (

    select
        report_id,
        arrival_date,
        report_kind,
        month_start_date,
        period_start_date,
        period_end_date,
        updated_at,
        is_period_derived,
        row_count,
        masked_count,
        creator_count
    from reports

)

select * from final
