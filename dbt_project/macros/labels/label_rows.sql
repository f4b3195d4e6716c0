{#
    Rows of `values` lists for the mart of labels.

    What lives here: what marts promise in their yml, as something to be labelled, and what is declared,
    with its labels. What may not: words for people.
#}

{#
    Rows of a `values` list: mart, kind of entry, column, code. A mart has `*` as column, a column `*` as code.

    The codes of a column are the values of its test `accepted_values`, those that its meta lists as `codes`
    (words beside values of an open kind, such as `all` beside markets), and true or false of a flag.

    The graph is whole only where dbt executes; while it parses, one row keeps the SQL sound.
#}
{% macro published_entries() -%}
    {%- set entries = [] -%}
    {%- set codes_of_tests = {} -%}
    {%- for test in graph.get('nodes', {}).values()
        if test.resource_type == 'test' and test.test_metadata
        and test.test_metadata.name == 'accepted_values' -%}
        {%- do codes_of_tests.update(
            {test.attached_node ~ '.' ~ test.column_name: test.test_metadata.kwargs['values']}
        ) -%}
    {%- endfor -%}
    {%- for mart in graph.get("nodes", {}).values() | sort(attribute='name')
        if mart.resource_type == 'model' and mart.fqn[-3] == 'marts' -%}
        {%- do entries.append([mart.name, 'mart', '*', '*']) -%}
        {%- for column in mart.columns.values() -%}
            {%- do entries.append([mart.name, 'column', column.name, '*']) -%}
            {%- set codes = codes_of_tests.get(mart.unique_id ~ '.' ~ column.name, []) | list -%}
            {%- do codes.extend(column.config.meta.get('codes', [])) -%}
            {%- if column.data_type == 'boolean' -%}
                {%- do codes.extend(['false', 'true']) -%}
            {%- endif -%}
            {%- for code in codes | map('string') | unique -%}
                {%- do entries.append([mart.name, 'code', column.name, code]) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for entry in entries or [['', '', '', '']] %}
    (
        {%- for text in entry -%}
        {{ dbt.string_literal(dbt.escape_single_quotes(text)) }}{{ ", " if not loop.last }}
        {%- endfor -%}
    ){{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#
    Rows of a `values` list, one for each thing declared: kind of entry, the column of marts in which its name
    stands, funnel (of a step), name, and label and description in both languages.
#}
{% macro declared_label_rows() -%}
    {%- set columns = {
        'activity': 'activity',
        'cohort': 'cohort_kind',
        'funnel': 'funnel_name',
        'funnel_step': 'step_name',
        'segment': 'segment_kind',
    } -%}
    {%- for label in declared_labels() %}
    (
        {%- for text in [
            label.kind, columns[label.kind], label.funnel, label.name,
            label.label_en, label.label_es, label.description_en, label.description_es,
        ] -%}
        {{ dbt.string_literal(dbt.escape_single_quotes(text)) }}{{ ", " if not loop.last }}
        {%- endfor -%}
    ){{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}
