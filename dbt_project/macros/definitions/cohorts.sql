{#
    What declared cohorts mean to the models.

    What lives here: from where a cohort's members come, and which segments it is shown by. What may not:
    which cohorts there are (`declared_cohorts()`).
#}

{# Dates of `dim_creators` that lifetimes keep: those of cohorts, and joining, where the calendar begins. #}
{% macro cohort_dates() -%}
    {%- set dates = ['joined_date'] -%}
    {%- for cohort in declared_cohorts() if cohort.date_column and cohort.date_column not in dates -%}
        {%- do dates.append(cohort.date_column) -%}
    {%- endfor -%}
    {{ return(dates) }}
{%- endmacro %}


{#
    Cohorts that enter by a date of `int_creator_lifetimes`: a list of (cohort kind, column). The first LIVE
    day is such a date, so these cohorts read no activities.
#}
{% macro cohorts_by_date() -%}
    {%- set found = [] -%}
    {%- for cohort in declared_cohorts() -%}
        {%- if cohort.date_column is not none -%}
            {%- do found.append((cohort.name, cohort.date_column)) -%}
        {%- elif _is_first_live_day(cohort) -%}
            {%- do found.append((cohort.name, 'first_active_date')) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}


{# Cohorts that enter by the n-th time of an activity, as they are declared. #}
{% macro cohorts_by_activity() -%}
    {%- set found = [] -%}
    {%- for cohort in declared_cohorts() if cohort.activity is not none and not _is_first_live_day(cohort) -%}
        {%- do found.append(cohort) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}


{% macro _is_first_live_day(cohort) -%}
    {%- for activity in declared_activities() if activity.name == cohort.activity -%}
        {{ return(activity.comes_from == 'live_days' and cohort.occurrence == 1) }}
    {%- endfor -%}
    {{ return(false) }}
{%- endmacro %}


{#
    Which rows a segment kind is counted over, where a cohort names the kinds to show it by: the mapping that
    `counted_by_segment` takes as `shown`.
#}
{% macro shown_cohorts() -%}
    {%- set shown = {} -%}
    {%- for segment in declared_segments() -%}
        {%- set names = [] -%}
        {%- for cohort in declared_cohorts() if segment.name in cohort.segments -%}
            {%- do names.append("'" ~ cohort.name ~ "'") -%}
        {%- endfor -%}
        {%- if not names -%}
            {%- do shown.update({segment.name: none}) -%}
        {%- elif names | length < declared_cohorts() | length -%}
            {%- do shown.update({segment.name: 'creator_rows.cohort_kind in (' ~ names | join(', ') ~ ')'}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(shown) }}
{%- endmacro %}
