{#
    Built anew every time: programs are counted in hundreds, and reading all their versions costs less
    than keeping track of which changed.
#}
{{ config(materialized='view') }}

with

final as (

    {{ changed_versions(
        feed='programs',
        rows=ref('stg_raw__programs'),
        key='program_id',
        columns=['kind', 'design', 'market', 'starts_at', 'ends_at'],
        previous_fact=none,
    ) | indent(4) }}

)

select * from final
