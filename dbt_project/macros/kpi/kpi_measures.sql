{#
    The whole numbers that daily KPIs are made of, as columns of int_kpi_measures. A KPI of
    `seeds/kpis.csv` names one as its numerator and perhaps one as its denominator.

    What lives here: their names and how they combine over markets and agencies. What may not: KPIs.
#}

{# Measures by the model that has them. All add up, but for the ones of `kpi_peak_measures`. #}
{% macro kpi_measures_by_model() -%}
    {{ return({
        'int_kpi_creator_days': [
            'live_creator_count', 'active_count', 'session_count', 'live_seconds', 'valid_day_count',
            'viewer_seconds', 'watched_live_seconds', 'peak_viewers', 'diamonds',
            'diamonds_live_seconds', 'gifters', 'gifters_session_count', 'new_followers',
            'new_followers_live_seconds', 'told_comments', 'comments_viewer_seconds',
        ],
        'int_kpi_active_windows': [
            'active_7d_count', 'active_days_7d_count', 'active_28d_count', 'active_days_28d_count',
        ],
        'int_kpi_cohort_days': [
            'new_count', 'week_1_cohort_count', 'week_1_active_count', 'week_4_cohort_count',
            'week_4_active_count', 'joined_14d_cohort_count', 'joined_14d_active_count',
        ],
    }) }}
{%- endmacro %}

{# Every measure, in one list. #}
{% macro kpi_measures() -%}
    {%- set measures = [] -%}
    {%- for of_model in kpi_measures_by_model().values() -%}
        {%- do measures.extend(of_model) -%}
    {%- endfor -%}
    {{ return(measures) }}
{%- endmacro %}

{#
    Columns of a `select`: every measure; of the ones that `told` leaves out, NULL.

    relation: name of the relation they are taken from.
#}
{% macro kpi_measure_columns(relation, told=none) -%}
    {%- for measure in kpi_measures() %}
        {%- if told is none or measure in told %}
        {{ relation }}.{{ measure }}
        {%- else %}
        cast(null as bigint) as {{ measure }}
        {%- endif %}
        {{- ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# Measures of which the greatest counts, not the sum. #}
{% macro kpi_peak_measures() -%}
    {{ return(['peak_viewers']) }}
{%- endmacro %}

{#
    Columns of a `select`: each measure summed (or its greatest value) over the rows of a group.

    Sums of NULLs stay NULL: a source that does not tell something told nothing, not zero.
#}
{% macro kpi_measures_combined(relation) -%}
    {%- for measure in kpi_measures() %}
        cast({{ 'max' if measure in kpi_peak_measures() else 'sum' }}(
            {{- relation }}.{{ measure }}) as bigint) as {{ measure }}
        {{- ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#
    A query with one row for each row of `relation` and measure: the columns of `keys`, `measure`
    (its name) and `amount`.

    On a day on which a place had no LIVE creator its measures are 0: we looked, and there was none.
    Where creators were LIVE and no source told, they are NULL.
#}
{% macro kpi_measures_long(relation, keys) -%}
    {%- for measure in kpi_measures() %}
    select
        {%- for key in keys %}
        {{ key }},
        {%- endfor %}
        '{{ measure }}' as measure,
        case
            when coalesce(live_creator_count, 0) = 0 then coalesce({{ measure }}, 0)
            {%- if measure in kpi_measures_by_model()['int_kpi_creator_days'] %}
            else {{ measure }}
            {%- else %}
            else coalesce({{ measure }}, 0)
            {%- endif %}
        end as amount
    from {{ relation }}
    {%- if not loop.last %}

    union all
{# #}
    {%- endif %}
    {%- endfor %}
{%- endmacro %}
