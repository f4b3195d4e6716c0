{#
    Built after everything that is made of reports, because it remembers which months an earlier build
    took from a partition: were it renewed first, a build that broke off would forget them.
#}
{%- set previous_reports = previous('int_backstage_reports') -%}

-- depends_on: {{ ref('stg_ops__raw_partitions') }}
-- depends_on: {{ ref('fct_backstage_days') }}
-- depends_on: {{ ref('int_backstage_months') }}

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

pending_reports as (

    select
        report_id,
        arrival_date,
        report_kind,
        period_start_date,
        period_end_date,
        max(updated_at) as updated_at,
        max(case when is_period_derived then 1 else 0 end) = 1 as is_period_derived,
        max(case when session_count is not null then 1 else 0 end) = 1 as has_session_count,
        max(case when live_seconds is not null then 1 else 0 end) = 1 as has_live_seconds,
        count(*) as row_count,
        count(case when is_masked then 1 end) as masked_count,
        count(distinct creator_id) as creator_count
    from report_rows
    {%- if previous_reports %}
    where arrival_date in (select partitions.arrival_date from partitions where is_pending)
    {%- endif %}
    group by
        report_id,
        arrival_date,
        report_kind,
        period_start_date,
        period_end_date

),

final as (

    select
        report_id,
        arrival_date,
        report_kind,
        {{ month_start('period_end_date') }} as month_start_date,
        period_start_date,
        period_end_date,
        updated_at,
        is_period_derived,
        has_session_count,
        has_live_seconds,
        row_count,
        masked_count,
        creator_count
    from pending_reports
    {%- if previous_reports %}

    union all

    select
        report_id,
        arrival_date,
        report_kind,
        month_start_date,
        period_start_date,
        period_end_date,
        updated_at,
        is_period_derived,
        has_session_count,
        has_live_seconds,
        row_count,
        masked_count,
        creator_count
    from {{ previous_reports }}
    where arrival_date in (select partitions.arrival_date from partitions where not is_pending)
    {%- endif %}

)

select * from final
