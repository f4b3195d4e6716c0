{#
    Names for people of all that is published. Always built whole, so that a changed label needs nothing
    else to be built anew (`orchestration/versions.py`). The exceptions to RF04: value, name and language are
    words of SQL on some engine, and what dashboards join on.
#}
{%- set languages = ['en', 'es'] %}

with

texts as (

    select
        mart,
        coalesce(column_name, '*') as column_name,
        coalesce(value, '*') as value, -- noqa: RF04
        name_en,
        name_es,
        description_en,
        description_es
    from {{ ref('mart_labels') }}

),

kpis as (

    select * from {{ ref('kpis') }}

),

markets as (

    select * from {{ ref('markets') }}

),

metric_rules as (

    select * from {{ ref('metric_rules') }}

),

promised as (

    select
        entries.mart,
        entries.entry_kind,
        entries.column_name,
        entries.value
    from (
        values {{ published_entries() }}
    ) as entries (mart, entry_kind, column_name, value)

),

published as (

    select * from promised

    union all

    -- Tables that publication adds to the marts: no model promises them.
    select
        texts.mart,
        case
            when texts.column_name = '*' then 'mart'
            when texts.value = '*' then 'column'
            else 'code'
        end as entry_kind,
        texts.column_name,
        texts.value
    from texts
    where
        texts.mart <> '*'
        and texts.mart not in (select promised.mart from promised)

),

ranked as (

    -- A line of the mart wins over one of any mart, any line of the column over that of flags.
    select
        published.mart,
        published.entry_kind,
        published.column_name,
        published.value,
        texts.name_en,
        texts.name_es,
        texts.description_en,
        texts.description_es,
        row_number() over (
            partition by published.mart, published.column_name, published.value
            order by
                case when texts.column_name = published.column_name then 0 else 1 end,
                case when texts.mart = published.mart then 0 else 1 end,
                texts.mart,
                texts.column_name
        ) as text_rank
    from published
    inner join texts
        on
            texts.mart in (published.mart, '*')
            and published.value = texts.value
            and (
                published.column_name = texts.column_name
                or (texts.column_name = '*' and texts.value <> '*')
            )

),

named_elsewhere as (

    select
        'kpi' as entry_kind,
        'kpi' as column_name,
        '*' as funnel_name,
        kpi as value, -- noqa: RF04
        name_en,
        name_es,
        definition_en as description_en,
        definition_es as description_es
    from kpis

    union all

    select
        'market' as entry_kind,
        'market' as column_name,
        '*' as funnel_name,
        market as value, -- noqa: RF04
        name_en,
        name_es,
        concat(name_en, ' (', market, '), time zone ', timezone, ', currency ', currency, '.')
            as description_en,
        concat(name_es, ' (', market, '), zona horaria ', timezone, ', moneda ', currency, '.')
            as description_es
    from markets

    union all

    select
        'rule' as entry_kind,
        'rule_id' as column_name,
        '*' as funnel_name,
        rule_id as value, -- noqa: RF04
        name_en,
        name_es,
        concat(source_en, '.') as description_en,
        concat(source_es, '.') as description_es
    from metric_rules

    union all

    select
        declared.entry_kind,
        declared.column_name,
        declared.funnel_name,
        declared.value,
        declared.name_en,
        declared.name_es,
        declared.description_en,
        declared.description_es
    from (
        values {{ declared_label_rows() }}
    ) as declared (
        entry_kind, column_name, funnel_name, value, -- noqa: RF04
        name_en, name_es, description_en, description_es
    )

),

named as (

    select
        mart,
        entry_kind,
        column_name,
        '*' as funnel_name,
        value,
        name_en,
        name_es,
        description_en,
        description_es
    from ranked
    where text_rank = 1

    union all

    -- What stands in no mart by itself, as activities do, is labelled once.
    select
        coalesce(promised.mart, '*') as mart,
        named_elsewhere.entry_kind,
        named_elsewhere.column_name,
        named_elsewhere.funnel_name,
        named_elsewhere.value,
        named_elsewhere.name_en,
        named_elsewhere.name_es,
        named_elsewhere.description_en,
        named_elsewhere.description_es
    from named_elsewhere
    left join promised
        on
            named_elsewhere.column_name = promised.column_name
            and promised.entry_kind = 'column'
            and promised.mart <> 'labels'

),

final as (

    {% for language in languages -%}
    select
        mart,
        entry_kind,
        column_name,
        funnel_name,
        value,
        '{{ language }}' as language, -- noqa: RF04
        name_{{ language }} as name, -- noqa: RF04
        description_{{ language }} as description
    from named
    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

)

select * from final
