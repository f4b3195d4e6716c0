{#
    A column that can only fall (or stay) along an order, such as who was still active in a period or
    later. NULL cells are stepped over.
#}
{% test never_increases(model, column, partition_by, order_by) %}

with

with_previous as (

    select
        {{ partition_by | join(', ') }},
        {{ order_by }},
        {{ column }},
        lag({{ column }}) over (
            partition by {{ partition_by | join(', ') }}
            order by {{ order_by }}
        ) as previous_value
    from {{ model }}
    where {{ column }} is not null

)

select * from with_previous
where {{ column }} > previous_value

{% endtest %}
