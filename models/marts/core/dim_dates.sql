with

dates as (

    {{ date_series("date '2020-01-01'", "date '2035-12-31'") }}

),

described as (

    select
        calendar_date,
        {{ week_start('calendar_date') }} as week_start_date,
        {{ month_start('calendar_date') }} as month_start_date,
        {{ quarter_start('calendar_date') }} as quarter_start_date,
        cast(extract(year from calendar_date) as integer) as year_number,
        cast(extract(month from calendar_date) as integer) as month_number,
        cast(extract(day from calendar_date) as integer) as day_of_month,
        {{ iso_year('calendar_date') }} as iso_year_number,
        cast(extract(week from calendar_date) as integer) as iso_week_number,
        {{ iso_weekday('calendar_date') }} as iso_weekday
    from dates

),

final as (

    select
        calendar_date,
        week_start_date,
        month_start_date,
        quarter_start_date,
        year_number,
        month_number,
        day_of_month,
        iso_year_number,
        iso_week_number,
        iso_weekday,
        case iso_weekday
            when 1 then 'Monday'
            when 2 then 'Tuesday'
            when 3 then 'Wednesday'
            when 4 then 'Thursday'
            when 5 then 'Friday'
            when 6 then 'Saturday'
            else 'Sunday'
        end as weekday_name_en,
        case iso_weekday
            when 1 then 'lunes'
            when 2 then 'martes'
            when 3 then 'miércoles'
            when 4 then 'jueves'
            when 5 then 'viernes'
            when 6 then 'sábado'
            else 'domingo'
        end as weekday_name_es,
        iso_weekday >= 6 as is_weekend
    from described

)

select * from final
