with

final as (

    {{ changed_versions(
        feed='creators',
        rows=ref('stg_raw__creators'),
        key='creator_id',
        columns=[
            'agency_id', 'platform', 'handle', 'country', 'timezone', 'language', 'category',
            'acquisition_source', 'tier', 'status', 'joined_at', 'follower_count',
        ],
        previous_fact=previous('dim_creators'),
    ) | indent(4) }}

)

select * from final
