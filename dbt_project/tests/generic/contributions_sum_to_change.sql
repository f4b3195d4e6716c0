{#
    The contributions of all segments of a kind sum to the change of the whole, to the last decimal.

    keys: the columns that name a change and the kind of segment.
#}
{% test contributions_sum_to_change(model, keys, whole='change_of_whole', part='contribution') %}

select
    {{ keys | join(',\n    ') }},
    min({{ whole }}) as whole_change,
    sum({{ part }}) as parts_change
from {{ model }}
group by {{ keys | join(', ') }}
having
    sum({{ part }}) <> min({{ whole }})
    or min({{ whole }}) <> max({{ whole }})

{% endtest %}
