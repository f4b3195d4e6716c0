{%- set models = kpi_measures_by_model() -%}

with

{% for model, of_model in models.items() -%}
of_{{ model }} as (

    select
        {{ model }}.local_date,
        {{ model }}.market,
        {{ model }}.agency_id,
        {{ kpi_measure_columns(model, of_model) | trim }}
    from {{ ref(model) }} as {{ model }}

),

{% endfor -%}
days as (

    select * from {{ ref('int_kpi_days') }}

),

told as (

    {% for model in models %}
    select * from of_{{ model }}
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}

),

final as (

    select
        told.local_date,
        told.market,
        told.agency_id,
        {{ kpi_measures_combined('told') | trim }}
    from told
    inner join days on told.local_date = days.calendar_date
    group by
        told.local_date,
        told.market,
        told.agency_id

)

select * from final
