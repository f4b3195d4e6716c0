{%- set previous_reports = previous('int_backstage_reports') -%}

with

partitions as (

    select * from {{ ref('stg_ops__raw_partitions') }}
    where feed = 'backstage_reports'

),

report_rows as (

    select * from {{ ref('stg_raw__backstage_reports') }}

),

touched as (

    select {{ month_start('period_end_date') }} as month_start_date
    from report_rows
    where
        report_kind = 'month'
        {%- if previous_reports %}
        and arrival_date in (select partitions.arrival_date from partitions where is_pending)

    union all

    -- What an earlier build took from a partition that was replaced or is gone.
    select reports.month_start_date
    from {{ previous_reports }} as reports
    where
        reports.report_kind = 'month'
        and reports.arrival_date not in (
            select partitions.arrival_date from partitions where not is_pending
        )
        {%- endif %}

),

final as (

    -- distinct: every row of a report is of the same month
    select distinct month_start_date
    from touched

)

select * from final
