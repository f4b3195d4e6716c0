with

reports as (

    select * from {{ ref('int_backstage_reports') }}
    where report_kind = 'month'

),

report_days as (

    -- distinct: a day may be exported more than once
    select distinct
        month_start_date,
        period_end_date
    from reports

),

final as (

    -- A day's value is a difference: it takes the report of the day before too, or the 1st.
    select report_days.period_end_date as event_date
    from report_days
    left join report_days as earlier_days
        on {{ add_days('report_days.period_end_date', -1) }} = earlier_days.period_end_date
    where
        report_days.period_end_date = report_days.month_start_date
        or earlier_days.period_end_date is not null

)

select * from final
