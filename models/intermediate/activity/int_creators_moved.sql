with

creator_lifetimes as (

    select * from {{ ref('int_creator_lifetimes') }}

),

creators_settled as (

    select * from {{ ref('int_creators_settled') }}

),

creator_cohorts as (

    select * from {{ ref('int_creator_cohorts') }}

),

cohorts_settled as (

    select * from {{ ref('int_creator_cohorts_settled') }}

),

in_other_segments as (

    select creators_settled.creator_number
    from creators_settled
    left join creator_lifetimes
        on creators_settled.creator_number = creator_lifetimes.creator_number
    where
        creator_lifetimes.creator_number is null
        {% for column in segment_columns() -%}
        or {{ differs('creators_settled.' ~ column, 'creator_lifetimes.' ~ column) }}
        {% endfor %}

),

in_other_cohorts as (

    select
        coalesce(
            creator_cohorts.creator_number, cohorts_settled.creator_number
        ) as creator_number
    from creator_cohorts
    full outer join cohorts_settled
        on
            creator_cohorts.cohort_kind = cohorts_settled.cohort_kind
            and creator_cohorts.period_grain = cohorts_settled.period_grain
            and creator_cohorts.creator_number = cohorts_settled.creator_number
    where {{ differs('creator_cohorts.cohort_start_date', 'cohorts_settled.cohort_start_date') }}

),

final as (

    select creator_number from in_other_segments
    -- both: a creator can be in other segments and other cohorts, of several kinds and grains
    union distinct
    select in_other_cohorts.creator_number
    from in_other_cohorts
    inner join creators_settled
        on in_other_cohorts.creator_number = creators_settled.creator_number

)

select * from final
