{# Every row fulfils the condition. A condition that is NULL is not fulfilled: say what NULL means. #}
{% test holds(model, condition) %}

select *
from {{ model }}
where not coalesce(({{ condition }}), false)

{% endtest %}
