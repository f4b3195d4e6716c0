{#
    Versions that are valid from a day to a day, and from an instant to an instant: each begins where the one
    before it ends, the first holds from 1900-01-01 on and the last one for good.

    key: the column that names whose versions they are.
#}
{% test follow_each_other(model, key) %}

with

neighbours as (

    select
        {{ key }},
        valid_from_date,
        valid_to_date,
        valid_from_at,
        valid_to_at,
        lag(valid_to_date) over (partition by {{ key }} order by valid_from_date) as before_date,
        lag(valid_to_at) over (partition by {{ key }} order by valid_from_date) as before_at,
        lead(valid_from_date) over (partition by {{ key }} order by valid_from_date) as next_date
    from {{ model }}

)

select * from neighbours
where
    valid_from_date <> coalesce({{ add_days('before_date', 1) }}, date '1900-01-01')
    or valid_from_at <> coalesce(before_at, timestamp '1900-01-01 00:00:00')
    or (next_date is null and valid_to_date <> date '9999-12-31')
    or (next_date is null and valid_to_at <> timestamp '9999-12-31 00:00:00')

{% endtest %}
