{#
    The valid version of every entity of a keyed feed that the pending partitions can have changed.

    An entity's valid version is the row with the greatest `updated_at` (none is the least), then the
    latest arrival, file and row. A fact holds exactly the valid versions of what was loaded. So after
    new arrivals the valid version of a key is
      * the best of its pending rows, or the fact's version where that is better and still stands:
        the fact's version is the best of all rows outside the pending partitions;
      * where the fact's version stood in a partition that is pending again (corrected, or loaded by
        a build that did not finish) or gone, that version may not exist any more. Only then all rows
        of the key are read: an older version may have to come back, or none is left.

    Nothing here asks whether an earlier build finished: the fact says which version it holds, and the
    ledger says which partitions it may hold. That makes it equal to a full recomputation after any
    order of arrivals, corrections and crashes.

    Arguments:
        feed: the feed, as its partitions are named in the ledger.
        rows: relation (a `ref`) with the key, `columns`, updated_at, arrival_date, arrival_file and
            arrival_row. Not a CTE: it is read twice with different filters, and an engine that keeps
            the result of such a CTE (DuckDB does) would read all of history first.
        key: the key column.
        columns: the other columns to return, in order.
        previous_fact: relation of the last build's fact (`previous(...)`), or none to read everything.
        held_where: condition on the fact's rows (`held`) that are of this feed, where it also holds others.

    Returns a query: the key, is_present (false: no version is left, the fact drops the key), columns.
#}
{% macro changed_versions(feed, rows, key, columns, previous_fact, held_where=none) -%}
    {%- set all_columns = columns + ['updated_at', 'arrival_date', 'arrival_file', 'arrival_row'] -%}
    {#- Outside the condition: while parsing there is no previous fact, and the dependency must be seen. -#}
    {%- set partitions = ref('stg_ops__raw_partitions') -%}
    with

    {% if previous_fact -%}
    pending_partitions as (

        select arrival_date from {{ partitions }}
        where feed = '{{ feed }}' and is_pending

    ),

    settled_partitions as (

        select arrival_date from {{ partitions }}
        where feed = '{{ feed }}' and not is_pending

    ),

    unsettled_keys as (

        -- The arrival day alone decides, so nothing else of what is held is read.
        select held.{{ key }}
        from {{ previous_fact }} as held
        where
            not exists (
                select 1 from settled_partitions
                where held.arrival_date = settled_partitions.arrival_date
            )
            {%- if held_where %}
            and {{ held_where }}
            {%- endif %}

    ),

    searched_partitions as (

        -- None where every version is settled, so that no file of the past is opened.
        select arrival_date from settled_partitions
        where exists (select 1 from unsettled_keys)

    ),

    candidates as (

        select * from {{ rows }}
        where arrival_date in (select pending_partitions.arrival_date from pending_partitions)

        union all

        select * from {{ rows }}
        where
            arrival_date in (select searched_partitions.arrival_date from searched_partitions)
            and {{ key }} in (select unsettled_keys.{{ key }} from unsettled_keys)

    ),

    ranked_candidates as (

        select
            *,
            {{ _version_rank(key) }} as version_rank
        from candidates

    ),

    best_candidates as (

        select * from ranked_candidates where version_rank = 1

    ),
    {%- else -%}
    repeated_keys as (

        select {{ key }} from {{ rows }}
        group by {{ key }}
        having count(*) > 1

    ),

    ranked_rows as (

        select
            arrival_date,
            arrival_file,
            arrival_row,
            {{ _version_rank(key) }} as version_rank
        from {{ rows }}
        where {{ key }} in (select repeated_keys.{{ key }} from repeated_keys)

    ),

    outdated_rows as (

        select * from ranked_rows where version_rank > 1

    ),

    best_candidates as (

        -- All of history passes here, and most of it has one version: only the addresses of rows are
        -- ranked, and no whole row has to be sorted or kept.
        select candidates.*
        from {{ rows }} as candidates
        left join outdated_rows
            on
                candidates.arrival_date = outdated_rows.arrival_date
                and candidates.arrival_file = outdated_rows.arrival_file
                and candidates.arrival_row = outdated_rows.arrival_row
        where outdated_rows.arrival_row is null

    )
    {%- endif %}

    {% if previous_fact -%}
    held_versions as (

        -- What is compared: the settled version of a key that has a candidate, of all of history.
        select
            held.{{ key }},
            held.updated_at,
            held.arrival_date,
            held.arrival_file,
            held.arrival_row
        from {{ previous_fact }} as held
        inner join settled_partitions on held.arrival_date = settled_partitions.arrival_date
        where
            held.{{ key }} in (select best_candidates.{{ key }} from best_candidates)
            {%- if held_where %}
            and {{ held_where }}
            {%- endif %}

    ),

    changed_candidates as (

        select best_candidates.*
        from best_candidates
        left join held_versions on best_candidates.{{ key }} = held_versions.{{ key }}
        where
            held_versions.{{ key }} is null
            or {{ is_later_version('best_candidates', 'held_versions') }}

    ),

    changed_keys as (

        -- distinct: a key whose version is not settled usually has a candidate too
        select {{ key }} from changed_candidates
        union distinct
        select {{ key }} from unsettled_keys

    )

    select
        changed_keys.{{ key }},
        changed_candidates.{{ key }} is not null as is_present,
        {%- for column in all_columns %}
        changed_candidates.{{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    from changed_keys
    left join changed_candidates on changed_keys.{{ key }} = changed_candidates.{{ key }}
    {%- else -%}
    select
        {{ key }},
        true as is_present,
        {%- for column in all_columns %}
        {{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    from best_candidates
    {%- endif %}
{%- endmacro %}

{# Does the version in `left_row` win over the one in `right_row`? Same order as the ranking above. #}
{% macro is_later_version(left_row, right_row) -%}
    {%- set never = "timestamp '0001-01-01 00:00:00'" -%}
    {%- set parts = [
        ("coalesce(" ~ left_row ~ ".updated_at, " ~ never ~ ")", "coalesce(" ~ right_row ~ ".updated_at, " ~ never ~ ")"),
        (left_row ~ ".arrival_date", right_row ~ ".arrival_date"),
        (left_row ~ ".arrival_file", right_row ~ ".arrival_file"),
        (left_row ~ ".arrival_row", right_row ~ ".arrival_row"),
    ] -%}
    (
        {%- for left_part, right_part in parts %}
        {{ "or " if not loop.first }}(
            {%- for left_equal, right_equal in parts[:loop.index0] %}
            {{ left_equal }} = {{ right_equal }} and
            {%- endfor %}
            {{ left_part }} > {{ right_part }}
        )
        {%- endfor %}
    )
{%- endmacro %}

{# The number of a version among those of its key, the valid one first. #}
{% macro _version_rank(key) -%}
    row_number() over (
        partition by {{ key }}
        order by updated_at desc nulls last, arrival_date desc, arrival_file desc, arrival_row desc
    )
{%- endmacro %}
