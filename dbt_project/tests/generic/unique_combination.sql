{#
    The columns are the grain: no two rows share them, and none of them is NULL (SQL's `unique` lets
    any number of NULLs pass, and a NULL key is no key).
#}
{% test unique_combination(model, columns) %}

select
    {{ columns | join(',\n    ') }},
    count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having
    count(*) > 1
    {%- for column in columns %}
    or {{ column }} is null
    {%- endfor %}

{% endtest %}
