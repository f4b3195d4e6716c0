{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ replace_rows('int_backstage_months_touched', ['month_start_date']) }}",
) }}

{%- set values = backstage_reported_columns() %}

with

months_touched as (

    select * from {{ ref('int_backstage_months_touched') }}

),

day_numbers as (

    {{ integer_series(0, 30) | indent(4) }}

),

days_touched as (

    -- Days, not months: engines skip the files of other days where two columns are equal.
    select
        months_touched.month_start_date,
        {{ add_days('months_touched.month_start_date', 'day_numbers.number') }} as calendar_date
    from months_touched
    cross join day_numbers
    where
        {{ month_start(add_days('months_touched.month_start_date', 'day_numbers.number')) }}
        = months_touched.month_start_date

),

report_rows as (

    -- Who left has no ID: those rows are nobody's.
    select
        rows_of_reports.creator_id,
        days_touched.month_start_date,
        rows_of_reports.period_end_date,
        rows_of_reports.joined_at,
        {%- for value in values %}
        rows_of_reports.{{ value }},
        {%- endfor %}
        row_number() over (
            partition by rows_of_reports.creator_id, rows_of_reports.period_end_date
            order by
                rows_of_reports.updated_at,
                rows_of_reports.report_id,
                rows_of_reports.arrival_date,
                rows_of_reports.report_row
        ) as version_number
    from {{ ref('stg_raw__backstage_reports') }} as rows_of_reports
    inner join days_touched on rows_of_reports.period_end_date = days_touched.calendar_date
    where
        rows_of_reports.report_kind = 'month'
        and rows_of_reports.creator_id is not null

),

final as (

    -- Of several exports on the same day the latest that has a column counts for that column: the
    -- columns are chosen at every export.
    select
        creator_id,
        month_start_date,
        period_end_date,
        {%- for value in values %}
        {{ last_given(value, 'version_number') }} as {{ value }},
        {%- endfor %}
        {{ last_given('joined_at', 'version_number') }} as joined_at
    from report_rows
    group by
        creator_id,
        month_start_date,
        period_end_date

)

select * from final
