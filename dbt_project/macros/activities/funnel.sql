{#
    How far each entity came in a funnel: one row an entity, of its best attempt.

    What lives here: the meaning of a funnel, for any relation of activities. What may not: anything that
    knows a model, a funnel by name, or maturity (who could not yet fail is the reader's business).

    Meanings (design, section 6):
      * An attempt begins at every first step. Simultaneous first steps are one attempt.
      * `ordered`: each step is reached by the first fitting activity at or after the step before it. One
        activity serves one step of an attempt only, so a step that stands twice needs two of them.
      * `strict`: the steps follow one another directly: no other activity of the entity, in any of
        `activities`, comes between. Simultaneous activities may be taken in whatever order converts.
      * `unordered`: an attempt begins at any of the steps; step n is reached when n of the steps are done.
      * The window runs from the attempt's first step and includes its limit. Equal timestamps may convert.
      * An exclusion spoils an attempt if its activity happens after step `after_step` and before
        step `before_step`, or, where that is not reached, before the window ends. Simultaneous is neither after
        nor before. An entity that has no unspoilt attempt leaves the funnel, step 1 too.
      * The best attempt counts: the one that reached most steps, the earliest of these.

    Arguments:
        activities: relation or CTE with the entity, `activity` and `occurred_at` (timestamp, UTC). Narrow it
            to what the funnel may see.
        entity: the column, or the list of columns, that names who goes through the funnel.
        steps: at least two; each the name of an activity or a mapping, as `declared_funnels` has them:
            `activity`; `occurrence` (the n-th since the step before, for ordered and strict); for ordered
            also `not_before_seconds` and `within_seconds`, the least and most time since the step
            `counted_from_step` (from 1; else the step before), both included.
        window_seconds: whole number over 0.
        order: 'ordered', 'strict' or 'unordered'.
        exclusions: list of mappings `activity`, `after_step`, `before_step` (step numbers from 1).

    Returns a query: the entity, entered_at, steps_reached_count, step_1_at to step_n_at (NULL where the
    step was not reached in time). `entered_at` is step_1_at.

    How: attempts are joined with nothing. Attempts and the activities of the next step are put in one order, and each
    attempt takes the nearest activity after it: one sort a step, whatever the number of attempts.
#}
{% macro funnel(activities, entity, steps, window_seconds, order='ordered', exclusions=[]) -%}
    {%- set keys = [entity] if entity is string else entity -%}
    {%- set parts = _funnel_parts(steps) -%}
    {%- do _funnel_refuse(steps, parts, window_seconds, order, exclusions) -%}
    {%- set reported = parts | selectattr('is_reported') | list -%}
    {%- set key_list = keys | join(', ') -%}
    with

    {% if order == 'ordered' -%}
    {{ _funnel_ordered(activities, keys, parts, window_seconds) }}
    {%- elif order == 'strict' -%}
    {{ _funnel_strict(activities, keys, parts, window_seconds) }}
    {%- else -%}
    {{ _funnel_unordered(activities, keys, parts, window_seconds) }}
    {%- endif %}

    attempts_0 as (

        select
            {{ key_list }},
            {%- for part in reported %}
            part_{{ part.number }}_at as step_{{ loop.index }}_at{{ "," if not loop.last }}
            {%- endfor %}
        from parts_known

    ),

    {% for exclusion in exclusions -%}
    {%- set number = loop.index -%}
    {%- set since = 'step_' ~ exclusion.after_step ~ '_at' -%}
    {%- set until = 'step_' ~ exclusion.before_step ~ '_at' -%}
    exclusion_{{ number }}_searched as (

        select
            {{ key_list }},
            occurred_at as looked_at,
            0 as is_attempt,
            occurred_at as found_at,
            {%- for _ in reported %}
            cast(null as timestamp) as step_{{ loop.index }}_at{{ "," if not loop.last }}
            {%- endfor %}
        from {{ activities }}
        where activity = '{{ exclusion.activity }}'

        union all

        select
            {{ key_list }},
            {{ since }} as looked_at,
            1 as is_attempt,
            cast(null as timestamp) as found_at,
            {%- for _ in reported %}
            step_{{ loop.index }}_at{{ "," if not loop.last }}
            {%- endfor %}
        from attempts_{{ number - 1 }}

    ),

    exclusion_{{ number }}_found as (

        select
            {{ key_list }},
            is_attempt,
            {%- for _ in reported %}
            step_{{ loop.index }}_at,
            {%- endfor %}
            min(found_at) over (
                partition by {{ key_list }}
                order by looked_at, is_attempt
                rows between current row and unbounded following
            ) as excluded_at
        from exclusion_{{ number }}_searched

    ),

    attempts_{{ number }} as (

        select
            {{ key_list }},
            {%- for _ in reported %}
            step_{{ loop.index }}_at{{ "," if not loop.last }}
            {%- endfor %}
        from exclusion_{{ number }}_found
        where
            is_attempt = 1
            and (
                {{ since }} is null
                or excluded_at is null
                or excluded_at >= {{ until }}
                or ({{ until }} is null and excluded_at > {{ add_seconds('step_1_at', window_seconds) }})
            )

    ),

    {% endfor -%}

    counted_attempts as (

        select
            {{ key_list }},
            {%- for _ in reported %}
            step_{{ loop.index }}_at,
            {%- endfor %}
            {%- for _ in reported %}
            {{ "+ " if not loop.first }}case when step_{{ loop.index }}_at is not null then 1 else 0 end
            {%- endfor %} as steps_reached_count
        from attempts_{{ exclusions | length }}

    ),

    ranked_attempts as (

        -- Attempts of an entity begin at different instants, so there are no ties.
        select
            *,
            row_number() over (
                partition by {{ key_list }}
                order by steps_reached_count desc, step_1_at
            ) as attempt_rank
        from counted_attempts

    )

    select
        {{ key_list }},
        step_1_at as entered_at,
        cast(steps_reached_count as bigint) as steps_reached_count,
        {%- for _ in reported %}
        step_{{ loop.index }}_at{{ "," if not loop.last }}
        {%- endfor %}
    from ranked_attempts
    where attempt_rank = 1
{%- endmacro %}


{#
    The parts of a funnel: its steps, with the n-th occurrence of an activity written out as n parts of
    which only the last is a step that anybody sees.

    A list of mappings: number (from 1), activity, is_reported, anchor (number of the part from which the
    interval runs), not_before_seconds (of the first occurrence), within_seconds (of the last); both none
    where the step has no such limit.
#}
{% macro _funnel_parts(steps) -%}
    {%- set parts = [] -%}
    {#- The part that is a step, by the step's number; before the first there is none. -#}
    {%- set part_of_step = [0] -%}
    {%- for step in steps -%}
        {%- set step = {'activity': step} if step is string else step -%}
        {%- set occurrence = step.get('occurrence') or 1 -%}
        {%- set anchor = part_of_step[step.get('counted_from_step') or loop.index0] -%}
        {%- for number in range(1, occurrence + 1) -%}
            {%- do parts.append({
                'number': parts | length + 1,
                'activity': step['activity'],
                'is_reported': number == occurrence,
                'anchor': anchor,
                'not_before_seconds': step.get('not_before_seconds') if number == 1 else none,
                'within_seconds': step.get('within_seconds') if number == occurrence else none,
            }) -%}
        {%- endfor -%}
        {%- do part_of_step.append(parts | length) -%}
    {%- endfor -%}
    {{ return(parts) }}
{%- endmacro %}


{# Stops the compilation where a funnel makes no sense: it would run, and answer another question. #}
{% macro _funnel_refuse(steps, parts, window_seconds, order, exclusions) -%}
    {%- set faults = [] -%}
    {%- if order not in ('ordered', 'strict', 'unordered') -%}
        {%- do faults.append("order is '" ~ order ~ "'; use 'ordered', 'strict' or 'unordered'") -%}
    {%- endif -%}
    {%- if steps | length < 2 -%}
        {%- do faults.append('it needs at least two steps') -%}
    {%- endif -%}
    {%- if window_seconds is not integer or window_seconds <= 0 -%}
        {%- do faults.append('window_seconds is ' ~ window_seconds ~ '; use a whole number over 0') -%}
    {%- endif -%}
    {%- for part in parts -%}
        {%- set least, most = part.not_before_seconds, part.within_seconds -%}
        {%- if (least is not none or most is not none) and (order != 'ordered' or part.anchor == 0) -%}
            {%- do faults.append('intervals are for the later steps of an ordered funnel') -%}
        {%- endif -%}
        {%- if not part.is_reported and (order == 'unordered' or part.anchor == 0) -%}
            {%- do faults.append('occurrence is for the later steps of an ordered or strict funnel') -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for exclusion in exclusions -%}
        {%- if not 1 <= exclusion.after_step < exclusion.before_step <= steps | length -%}
            {%- do faults.append(
                'an exclusion between steps ' ~ exclusion.after_step ~ ' and ' ~ exclusion.before_step
            ) -%}
        {%- endif -%}
        {%- if exclusion.activity in parts | map(attribute='activity') -%}
            {%- do faults.append("'" ~ exclusion.activity ~ "' is both a step and excluded") -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if faults -%}
        {{ exceptions.raise_compiler_error('funnel: ' ~ faults[0] ~ '.') }}
    {%- endif -%}
{%- endmacro %}


{# CTEs up to parts_known: each attempt's part_1_at to part_n_at, of an ordered funnel. #}
{% macro _funnel_ordered(activities, keys, parts, window_seconds) -%}
    {%- set key_list = keys | join(', ') -%}
    {%- set names = parts | map(attribute='activity') | list -%}
    {#- Only where an activity serves several parts must one know which of them was taken. -#}
    {%- set is_numbered = names | unique | list | length < names | length -%}
    entry_spans as (

        select
            {{ key_list }},
            min(occurred_at) as first_entry_at,
            max(occurred_at) as last_entry_at
        from {{ activities }}
        where activity = '{{ names[0] }}'
        group by {{ key_list }}

    ),

    step_activities as (

        -- What lies in no window of the entity decides nothing, and is most of what creators do.
        select
            {%- for key in keys %}
            seen.{{ key }},
            {%- endfor %}
            seen.activity,
            seen.occurred_at,
            {% if is_numbered -%}
            row_number() over (
                partition by {% for key in keys %}seen.{{ key }}, {% endfor %}seen.activity
                order by seen.occurred_at
            ) as activity_number
            {%- else -%}
            1 as activity_number
            {%- endif %}
        from {{ activities }} as seen
        inner join entry_spans
            on
                {%- for key in keys %}
                seen.{{ key }} = entry_spans.{{ key }} and
                {%- endfor %}
                seen.occurred_at >= entry_spans.first_entry_at
                and seen.occurred_at <= {{ add_seconds('entry_spans.last_entry_at', window_seconds) }}
        where seen.activity in (
            {%- for name in names | unique %}'{{ name }}'{{ ", " if not loop.last }}{% endfor -%}
        )

    ),

    part_1_known as (

        select
            {{ key_list }},
            occurred_at as part_1_at,
            min(activity_number) as part_1_number
        from step_activities
        where activity = '{{ names[0] }}'
        group by {{ key_list }}, occurred_at

    ),

    {% for part in parts[1:] -%}
    {%- set before = parts[:loop.index] -%}
    {%- set last_at = 'part_' ~ loop.index ~ '_at' -%}
    {%- set anchor_at = 'part_' ~ part.anchor ~ '_at' -%}
    {%- set same = before | selectattr('activity', 'equalto', part.activity) | list -%}
    {%- set looked_at = last_at -%}
    {%- if part.not_before_seconds is not none -%}
        {%- set looked_at = 'greatest(' ~ last_at ~ ', ' ~ add_seconds(anchor_at, part.not_before_seconds) ~ ')' -%}
    {%- endif -%}
    part_{{ part.number }}_searched as (

        select
            {{ key_list }},
            occurred_at as looked_at,
            activity_number as looked_number,
            0 as is_attempt,
            occurred_at as found_at,
            activity_number as found_number,
            {%- for earlier in before %}
            cast(null as timestamp) as part_{{ earlier.number }}_at,
            cast(null as bigint) as part_{{ earlier.number }}_number{{ "," if not loop.last }}
            {%- endfor %}
        from step_activities
        where activity = '{{ part.activity }}'

        union all

        -- An attempt stands before whatever is simultaneous, but for what it has used already.
        select
            {{ key_list }},
            {{ looked_at }} as looked_at,
            {% if same -%}
            case
                when {{ looked_at }} = part_{{ same[-1].number }}_at then part_{{ same[-1].number }}_number
                else 0
            end as looked_number,
            {%- else -%}
            0 as looked_number,
            {%- endif %}
            1 as is_attempt,
            cast(null as timestamp) as found_at,
            cast(null as bigint) as found_number,
            {%- for earlier in before %}
            part_{{ earlier.number }}_at,
            part_{{ earlier.number }}_number{{ "," if not loop.last }}
            {%- endfor %}
        from part_{{ part.number - 1 }}_known

    ),

    part_{{ part.number }}_found as (

        select
            {{ key_list }},
            is_attempt,
            {%- for earlier in before %}
            part_{{ earlier.number }}_at,
            part_{{ earlier.number }}_number,
            {%- endfor %}
            min(found_at) over (
                partition by {{ key_list }}
                order by looked_at, looked_number, is_attempt
                rows between current row and unbounded following
            ) as found_at,
            min(found_number) over (
                partition by {{ key_list }}
                order by looked_at, looked_number, is_attempt
                rows between current row and unbounded following
            ) as found_number
        from part_{{ part.number }}_searched

    ),

    part_{{ part.number }}_known as (

        select
            {{ key_list }},
            {%- for earlier in before %}
            part_{{ earlier.number }}_at,
            part_{{ earlier.number }}_number,
            {%- endfor %}
            case
                when
                    {{ last_at }} is not null
                    and found_at <= {{ add_seconds('part_1_at', window_seconds) }}
                    {%- if part.within_seconds is not none %}
                    and found_at <= {{ add_seconds(anchor_at, part.within_seconds) }}
                    {%- endif %}
                    then found_at
            end as part_{{ part.number }}_at,
            found_number as part_{{ part.number }}_number
        from part_{{ part.number }}_found
        where is_attempt = 1

    ),

    {% endfor -%}

    parts_known as (

        select * from part_{{ parts | length }}_known

    ),
{%- endmacro %}


{#
    CTEs up to parts_known, of a strict funnel.

    Worked out backwards over the instants of an entity. `from_3_part_5_at` is when part 5 is reached if
    parts 1 and 2 were done before this instant: here, if the instant holds all of parts 3 to 5; else later,
    if the instant holds nothing but the next parts, from the next instant on. Only the instant of the first
    step may hold more than the attempt uses: what else is there came before it.
#}
{% macro _funnel_strict(activities, keys, parts, window_seconds) -%}
    {%- set key_list = keys | join(', ') -%}
    {%- set names = parts | map(attribute='activity') | unique | list -%}
    {%- set next = 'over (partition by ' ~ key_list ~ ' order by occurred_at)' -%}
    {%- set last = parts | length -%}
    instants_{{ last + 1 }} as (

        select
            {{ key_list }},
            occurred_at,
            count(*) as activities_count,
            {%- for name in names %}
            sum(case when activity = '{{ name }}' then 1 else 0 end) as activity_{{ loop.index }}_count
            {{- "," if not loop.last }}
            {%- endfor %}
        from {{ activities }}
        group by {{ key_list }}, occurred_at

    ),

    {% for first in range(last, 1, -1) -%}
    instants_{{ first }} as (

        select
            *,
            {%- for part in range(first, last + 1) %}
            case
                when {{ _funnel_holds(parts, names, first, part) }} then occurred_at
                {%- for then_part in range(first + 1, part + 1) %}
                when
                    activities_count = {{ then_part - first }}
                    and {{ _funnel_holds(parts, names, first, then_part - 1) }}
                    then lead(from_{{ then_part }}_part_{{ part }}_at) {{ next }}
                {%- endfor %}
            end as from_{{ first }}_part_{{ part }}_at{{ "," if not loop.last }}
            {%- endfor %}
        from instants_{{ first + 1 }}

    ),

    {% endfor -%}

    instants_1 as (

        select
            {{ key_list }},
            occurred_at,
            {%- for part in range(2, last + 1) %}
            case
                when {{ _funnel_holds(parts, names, 1, part) }} then occurred_at
                {%- for then_part in range(part, 1, -1) %}
                {%- if loop.first %}
                else {{ "least(" if part > 2 }}
                {%- endif %}
                    case
                        when {{ _funnel_holds(parts, names, 1, then_part - 1) }}
                            then lead(from_{{ then_part }}_part_{{ part }}_at) {{ next }}
                    end{{ "," if not loop.last }}
                {%- endfor %}
                {{ ")" if part > 2 }}
            end as part_{{ part }}_at,
            {%- endfor %}
            {{ _funnel_holds(parts, names, 1, 1) }} as is_entry
        from instants_2

    ),

    parts_known as (

        select
            {{ key_list }},
            occurred_at as part_1_at,
            {%- for part in range(2, last + 1) %}
            case
                when part_{{ part }}_at <= {{ add_seconds('occurred_at', window_seconds) }}
                    then part_{{ part }}_at
            end as part_{{ part }}_at{{ "," if not loop.last }}
            {%- endfor %}
        from instants_1
        where is_entry

    ),
{%- endmacro %}


{# Condition on an instant: its activities are enough for the parts from `first` to `last`. #}
{% macro _funnel_holds(parts, names, first, last) -%}
    {%- set wanted = parts[first - 1:last] | map(attribute='activity') | list -%}
    {%- set conditions = [] -%}
    {%- for name in names if name in wanted -%}
        {%- do conditions.append(
            'activity_' ~ (names.index(name) + 1) ~ '_count >= ' ~ wanted.count(name)
        ) -%}
    {%- endfor -%}
    {{ conditions | join(' and ') }}
{%- endmacro %}


{# CTEs up to parts_known, of an unordered funnel. #}
{% macro _funnel_unordered(activities, keys, parts, window_seconds) -%}
    {%- set key_list = keys | join(', ') -%}
    {%- set names = parts | map(attribute='activity') | list -%}
    {%- set most = namespace(repeats=1) -%}
    {%- for name in names -%}
        {%- set most.repeats = [most.repeats, names.count(name)] | max -%}
    {%- endfor -%}
    step_activities as (

        select
            {{ key_list }},
            activity,
            occurred_at,
            {%- for repeat in range(most.repeats) %}
            {% if repeat == 0 -%}
            occurred_at as repeat_1_at
            {%- else -%}
            lead(occurred_at, {{ repeat }}) over (
                partition by {{ key_list }}, activity
                order by occurred_at
            ) as repeat_{{ repeat + 1 }}_at
            {%- endif %}{{ "," if not loop.last }}
            {%- endfor %}
        from {{ activities }}
        where activity in ({% for name in names | unique %}'{{ name }}'{{ ", " if not loop.last }}{% endfor %})

    ),

    steps_found as (

        select
            {{ key_list }},
            occurred_at,
            {%- for name in names %}
            min(case when activity = '{{ name }}' then repeat_{{ names[:loop.index].count(name) }}_at end) over (
                partition by {{ key_list }}
                order by occurred_at
                range between current row and unbounded following
            ) as found_{{ loop.index }}_at{{ "," if not loop.last }}
            {%- endfor %}
        from step_activities

    ),

    attempts_found as (

        -- What is simultaneous found the same.
        select
            {{ key_list }},
            occurred_at as part_1_at,
            {%- for _ in names %}
            case
                when min(found_{{ loop.index }}_at) <= {{ add_seconds('occurred_at', window_seconds) }}
                    then min(found_{{ loop.index }}_at)
            end as found_{{ loop.index }}_at{{ "," if not loop.last }}
            {%- endfor %}
        from steps_found
        group by {{ key_list }}, occurred_at

    ),

    parts_known as (

        -- n steps are done at the earliest of the instants by which n were found.
        select
            {{ key_list }},
            part_1_at,
            {%- for _ in names[1:] %}
            {%- set wanted = loop.index + 1 %}
            least(
                {%- for found in range(1, names | length + 1) %}
                case
                    when
                        {%- for other in range(1, names | length + 1) %}
                        {{ "+ " if not loop.first -}}
                        case when found_{{ other }}_at <= found_{{ found }}_at then 1 else 0 end
                        {%- endfor %}
                        >= {{ wanted }}
                        then found_{{ found }}_at
                end{{ "," if not loop.last }}
                {%- endfor %}
            ) as part_{{ wanted }}_at{{ "," if not loop.last }}
            {%- endfor %}
        from attempts_found

    ),
{%- endmacro %}
