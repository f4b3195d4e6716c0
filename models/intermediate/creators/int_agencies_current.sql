{#
    Built anew every time: agencies are counted in thousands, and reading all their versions costs
    less than keeping track of which changed.
#}
{{ config(materialized='view') }}

with

final as (

    {{ changed_versions(
        feed='agencies',
        rows=ref('stg_raw__agencies'),
        key='agency_id',
        columns=['name', 'country', 'tier', 'commission_rate'],
        previous_fact=none,
    ) | indent(4) }}

)

select * from final
