with

creator_versions as (

    select * from {{ ref('stg_raw__creators') }}

),

final as (

    {{ changed_versions(
        feed='creators',
        rows='creator_versions',
        key='creator_id',
        columns=[
            'agency_id', 'platform', 'handle', 'country', 'timezone', 'language', 'category',
            'acquisition_source', 'tier', 'status', 'joined_at', 'follower_count',
        ],
        previous_fact=previous('dim_creators'),
    ) | indent(4) }}

)

select * from final
