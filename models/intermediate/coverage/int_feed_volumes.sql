with

partitions as (

    select * from {{ ref('stg_ops__raw_partitions') }}

),

arrivals as (

    select
        feed,
        arrival_date,
        accepted_count,
        row_number() over (partition by feed order by arrival_date) as arrival_number
    from partitions

),

trailing_medians as (

    -- A join, not a window: a median over a moving frame is not something every engine has.
    select
        arrivals.feed,
        arrivals.arrival_date,
        {{ median('earlier.accepted_count') }} as trailing_median_count
    from arrivals
    inner join arrivals as earlier
        on
            arrivals.feed = earlier.feed
            and earlier.arrival_number
            between arrivals.arrival_number - 28 and arrivals.arrival_number - 1
    group by
        arrivals.feed,
        arrivals.arrival_date

),

final as (

    select
        arrivals.feed,
        arrivals.arrival_date,
        arrivals.accepted_count,
        cast(trailing_medians.trailing_median_count as decimal(18, 1)) as trailing_median_count,
        cast(round({{ safe_divide(
            'arrivals.accepted_count', 'trailing_medians.trailing_median_count'
        ) }}, 6) as decimal(18, 6)) as volume_ratio
    from arrivals
    left join trailing_medians
        on
            arrivals.feed = trailing_medians.feed
            and arrivals.arrival_date = trailing_medians.arrival_date

)

select * from final
