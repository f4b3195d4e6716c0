-- A cohort that is declared and that nobody entered shows nothing, as if nobody had stayed. Whether
-- anybody entered only data can tell.
-- warn: the feed that would tell of its members may not be delivered here, or not yet.
{{ config(severity='warn') }}

with

declared_cohorts as (

    {% for cohort in declared_cohorts() -%}
    select '{{ cohort.name }}' as cohort_kind
    {{ "union all" if not loop.last }}
    {% endfor %}

),

creators_known as (

    select count(*) as creator_count from {{ ref('int_creator_lifetimes') }}

),

final as (

    select
        declared_cohorts.cohort_kind,
        creators_known.creator_count
    from declared_cohorts
    cross join creators_known
    where
        creators_known.creator_count > 0
        and declared_cohorts.cohort_kind not in (
            select cohorts.cohort_kind from {{ ref('cohort_retention') }} as cohorts
        )

)

select * from final
