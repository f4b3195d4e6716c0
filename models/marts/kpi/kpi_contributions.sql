{#- The days whose changes are explained: four weeks. -#}
{%- set explained_days = 28 -%}
{#- As in kpi_daily. -#}
{%- set comparisons = {'week': 7, 'year': 364} -%}
{%- set segment_columns = {'market': 'market', 'agency': 'agency_id'} -%}

with

kpis as (

    select * from {{ ref('kpis') }}
    where combines_by in ('sum', 'ratio')

),

last_complete as (

    select max(calendar_date) as last_date
    from {{ ref('int_kpi_days') }}
    where is_complete

),

kpi_days as (

    select
        kpi_daily.*,
        kpis.numerator_factor,
        kpis.denominator_factor,
        kpis.combines_by
    from {{ ref('kpi_daily') }} as kpi_daily
    inner join kpis on kpi_daily.kpi = kpis.kpi
    where kpi_daily.market = 'all'

),

changes as (

    {% for comparison, days in comparisons.items() %}
    select
        kpi_days.calendar_date,
        {{ add_days('kpi_days.calendar_date', -days) }} as before_date,
        kpi_days.kpi,
        '{{ comparison }}' as comparison,
        kpi_days.combines_by,
        kpi_days.numerator_factor,
        kpi_days.denominator_factor,
        kpi_days.numerator,
        kpi_days.denominator,
        kpi_days_before.numerator as before_numerator,
        kpi_days_before.denominator as before_denominator,
        kpi_days.change_on_{{ comparison }} as change_of_whole
    from kpi_days
    inner join kpi_days as kpi_days_before
        on
            kpi_days.kpi = kpi_days_before.kpi
            and {{ add_days('kpi_days.calendar_date', -days) }} = kpi_days_before.calendar_date
    cross join last_complete
    where
        kpi_days.change_on_{{ comparison }} is not null
        and kpi_days.calendar_date > {{ add_days('last_complete.last_date', -explained_days) }}
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}

),

dates_needed as (

    -- both: a day is compared, and compared with, for many KPIs
    select calendar_date from changes
    union distinct
    select before_date as calendar_date from changes

),

measures as (

    select measures_of_days.*
    from {{ ref('int_kpi_measures') }} as measures_of_days
    inner join dates_needed on measures_of_days.local_date = dates_needed.calendar_date

),

segment_measures as (

    {% for segment_kind, segment_column in segment_columns.items() %}
    select
        measures.local_date,
        '{{ segment_kind }}' as segment_kind,
        measures.{{ segment_column }} as segment_value,
        {{ kpi_measures_combined('measures') | trim }}
    from measures
    group by
        measures.local_date,
        measures.{{ segment_column }}
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}

),

day_amounts as (

    {{ kpi_measures_long('segment_measures', ['local_date', 'segment_kind', 'segment_value'])
        | indent(4) }}

),

week_amounts as (

    select
        {{ add_days('period_start_date', 6) }} as local_date,
        segment_kind,
        segment_value,
        churned_count,
        new_count + resurrected_count as won_count
    from {{ ref('growth_accounting') }}
    where period_grain = 'week' and segment_kind in ('market', 'agency')

),

amounts as (

    select * from day_amounts

    union all

    select
        local_date,
        segment_kind,
        segment_value,
        'churned_count' as measure,
        churned_count as amount
    from week_amounts

    union all

    select
        local_date,
        segment_kind,
        segment_value,
        'won_count' as measure,
        won_count as amount
    from week_amounts

),

parts as (

    select
        numerators.local_date,
        numerators.segment_kind,
        numerators.segment_value,
        kpis.kpi,
        coalesce(numerators.amount, 0) as numerator,
        coalesce(denominators.amount, 0) as denominator
    from kpis
    inner join amounts as numerators on kpis.numerator = numerators.measure
    left join amounts as denominators
        on
            kpis.denominator = denominators.measure
            and numerators.local_date = denominators.local_date
            and numerators.segment_kind = denominators.segment_kind
            and numerators.segment_value = denominators.segment_value
    where coalesce(numerators.amount, 0) <> 0 or coalesce(denominators.amount, 0) <> 0

),

parts_of_changes as (

    select
        changes.calendar_date,
        changes.kpi,
        changes.comparison,
        parts.segment_kind,
        parts.segment_value,
        sum(
            case when parts.local_date = changes.calendar_date then parts.numerator else 0 end
        ) as numerator,
        sum(
            case when parts.local_date = changes.calendar_date then parts.denominator else 0 end
        ) as denominator,
        sum(
            case when parts.local_date = changes.before_date then parts.numerator else 0 end
        ) as before_numerator,
        sum(
            case when parts.local_date = changes.before_date then parts.denominator else 0 end
        ) as before_denominator
    from changes
    inner join parts
        on
            changes.kpi = parts.kpi
            and parts.local_date in (changes.calendar_date, changes.before_date)
    group by
        changes.calendar_date,
        changes.kpi,
        changes.comparison,
        parts.segment_kind,
        parts.segment_value

),

weighed as (

    -- Shares of the whole's denominator, and ratios of the part and of the whole; a part without a
    -- ratio on one side (nobody there) is taken to have had that of the other.
    select
        parts_of_changes.*,
        changes.combines_by,
        changes.change_of_whole,
        cast(changes.numerator_factor as double) / changes.denominator_factor as factor,
        {{ safe_divide('parts_of_changes.denominator', 'changes.denominator') }}
            as denominator_share,
        {{ safe_divide('parts_of_changes.before_denominator', 'changes.before_denominator') }}
            as before_denominator_share,
        {{ safe_divide('parts_of_changes.numerator', 'changes.denominator') }} as weight,
        {{ safe_divide('parts_of_changes.before_numerator', 'changes.before_denominator') }}
            as before_weight,
        {{ safe_divide('parts_of_changes.numerator', 'parts_of_changes.denominator') }}
            as own_ratio,
        {{ safe_divide(
            'parts_of_changes.before_numerator', 'parts_of_changes.before_denominator'
        ) }} as own_before_ratio,
        (
            {{ safe_divide('changes.numerator', 'changes.denominator') }}
            + {{ safe_divide('changes.before_numerator', 'changes.before_denominator') }}
        ) / 2 as mean_ratio_of_whole
    from parts_of_changes
    inner join changes
        on
            parts_of_changes.calendar_date = changes.calendar_date
            and parts_of_changes.kpi = changes.kpi
            and parts_of_changes.comparison = changes.comparison

),

filled as (

    select
        *,
        (denominator_share + before_denominator_share) / 2 as mean_share,
        coalesce(own_ratio, own_before_ratio) as later_ratio,
        coalesce(own_before_ratio, own_ratio) as earlier_ratio
    from weighed

),

decomposed as (

    select
        *,
        case
            when combines_by = 'sum' then factor * (numerator - before_numerator)
            else factor * (
                weight - before_weight - mean_ratio_of_whole
                * (denominator_share - before_denominator_share)
            )
        end as contribution,
        case
            when combines_by = 'sum' then factor * (numerator - before_numerator)
            else factor * mean_share * (later_ratio - earlier_ratio)
        end as within_contribution
    from filled

),

rounded as (

    select
        *,
        cast(round(contribution, 6) as decimal(28, 6)) as rounded_contribution,
        cast(round(coalesce(within_contribution, 0), 6) as decimal(28, 6)) as rounded_within,
        row_number() over (
            partition by calendar_date, kpi, comparison, segment_kind
            order by abs(round(contribution, 6)) desc, segment_value
        ) as size_rank
    from decomposed

),

settled as (

    -- What rounding left over goes to the greatest part, where it is least.
    select
        *,
        rounded_contribution + case
            when size_rank = 1
                then change_of_whole - sum(rounded_contribution) over (
                    partition by calendar_date, kpi, comparison, segment_kind
                )
            else 0
        end as settled_contribution
    from rounded

),

final as (

    select
        calendar_date,
        kpi,
        comparison,
        segment_kind,
        segment_value,
        cast(change_of_whole as decimal(28, 6)) as change_of_whole,
        cast(settled_contribution as decimal(28, 6)) as contribution,
        cast(case
            when combines_by = 'sum' then settled_contribution
            else rounded_within
        end as decimal(28, 6)) as within_contribution,
        cast(case
            when combines_by = 'sum' then 0
            else settled_contribution - rounded_within
        end as decimal(28, 6)) as mix_contribution,
        cast(numerator as bigint) as numerator,
        cast(case when combines_by = 'ratio' then denominator end as bigint) as denominator,
        cast(before_numerator as bigint) as before_numerator,
        cast(case when combines_by = 'ratio' then before_denominator end as bigint)
            as before_denominator
    from settled

)

select * from final
