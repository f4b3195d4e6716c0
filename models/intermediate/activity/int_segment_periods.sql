with

final as (

    {{ counted_by_segment(
        rows=ref('int_creator_periods'),
        keys=['period_grain', 'period_start_date'],
        counts={
            'active_count': 'true',
            'new_count': 'creator_rows.is_new',
            'retained_count': 'creator_rows.is_retained',
        },
    ) | indent(4) }}

)

select * from final
