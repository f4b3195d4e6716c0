{#
    The materialization of a model that says what changes in a fact.

    A table of its own where the fact stands: it is read several times, and before and after the fact
    is changed. Where the fact is built anew, everything changes; then it is a view, which the fact reads
    once. As a table it would be a second copy of all of history, and take as long to write as the fact.

    config fact: name of the model whose changes these are. 
#}
{% materialization changes, default %}
    {%- set kind = 'table' if previous(config.require('fact')) else 'view' -%}
    {%- set name = 'materialization_' ~ kind ~ '_' ~ adapter.type() -%}
    {%- set build = context.get(name, context['materialization_' ~ kind ~ '_default']) -%}
    {{ return(build()) }}
{% endmaterialization %}
