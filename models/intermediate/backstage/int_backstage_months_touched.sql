{%- set previous_reports = previous('int_backstage_reports') -%}

-- Read only where there is something before, so dbt does not see it by itself:
-- depends_on: {{ ref('stg_ops__raw_partitions') }}

with

{% if previous_reports -%}
partitions as (

    select * from {{ ref('stg_ops__raw_partitions') }}
    where feed = 'backstage_reports'

),

{% endif -%}
report_rows as (

    select * from {{ ref('stg_raw__backstage_reports') }}

),

pending_rows as (

    select
        report_kind,
        {{ month_start('period_end_date') }} as month_start_date
    from report_rows
    {%- if previous_reports %}
    where arrival_date in (select partitions.arrival_date from partitions where is_pending)
    {%- endif %}

),

touched as (

    select month_start_date from pending_rows
    where report_kind = 'month'
    {%- if previous_reports %}

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
