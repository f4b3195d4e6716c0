with

creator_versions as (

    select * from {{ ref('stg_raw__creators') }}

),

creator_partitions as (

    select * from {{ ref('stg_ops__raw_partitions') }} where feed = 'creators'

),

final as (

    {{ changed_versions(
        rows='creator_versions',
        partitions='creator_partitions',
        key='creator_id',
        columns=[
            'agency_id', 'platform', 'handle', 'country', 'timezone', 'language', 'category',
            'acquisition_source', 'tier', 'status', 'joined_at', 'follower_count',
        ],
        previous_fact=previous('dim_creators'),
    ) | indent(4) }}

)

select * from final
