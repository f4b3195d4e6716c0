with

final as (

    {{ counted_by_segment(
        rows=ref('int_creator_cohort_periods'),
        keys=['cohort_kind', 'period_grain', 'cohort_start_date', 'period_start_date'],
        counts={
            'entered_count': 'creator_rows.is_entry',
            'active_count': 'not creator_rows.is_entry',
            'last_active_count': 'creator_rows.is_last',
        },
        shown=shown_cohorts(),
    ) | indent(4) }}

)

select * from final
