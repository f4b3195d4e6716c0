with

reports as (

    select * from {{ ref('int_backstage_reports') }}
    where report_kind = 'month'

),

report_days as (

    -- A day may be exported more than once, each time with other columns.
    select
        month_start_date,
        period_end_date,
        max(case when has_session_count then 1 else 0 end) = 1 as has_session_count,
        max(case when has_live_seconds then 1 else 0 end) = 1 as has_live_seconds
    from reports
    group by
        month_start_date,
        period_end_date

),

final as (

    -- Who was LIVE is a difference: it takes the same counter in the report of the day before too,
    -- or the 1st. A report without LIVE sessions and LIVE time cannot say who was not LIVE.
    select report_days.period_end_date as event_date
    from report_days
    left join report_days as earlier_days
        on {{ add_days('report_days.period_end_date', -1) }} = earlier_days.period_end_date
    where
        (report_days.has_session_count and earlier_days.has_session_count)
        or (report_days.has_live_seconds and earlier_days.has_live_seconds)
        or (
            report_days.period_end_date = report_days.month_start_date
            and (report_days.has_session_count or report_days.has_live_seconds)
        )

)

select * from final
