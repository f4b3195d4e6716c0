-- Two targets of one KPI for the same market on the same day: which of them counts would be chance.
with

targets as (

    select * from {{ ref('kpi_targets') }}

),

final as (

    select
        first_target.kpi,
        first_target.market,
        first_target.valid_from,
        second_target.valid_from as other_valid_from
    from targets as first_target
    inner join targets as second_target
        on
            first_target.kpi = second_target.kpi
            and first_target.market = second_target.market
            and (
                first_target.valid_from < second_target.valid_from
                or (
                    first_target.valid_from = second_target.valid_from
                    and first_target.target_value < second_target.target_value
                )
            )
            and second_target.valid_from <= coalesce(first_target.valid_to, date '9999-12-31')

)

select * from final
