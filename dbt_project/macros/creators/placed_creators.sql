{#
    Where creators work, and by which clock their days are counted.

    Adds to each row `market` (of its country, else ZZ) and `effective_timezone` (its own where the engine
    knows it, else the market's). A creator now and a creator of the past are placed alike.

    Arguments:
        creators: name of a CTE with country and timezone.

    Returns a query: the columns of `creators`, market, effective_timezone.
#}
{% macro placed_creators(creators) -%}
    select
        {{ creators }}.*,
        coalesce(markets.market, unknown_market.market) as market,
        case
            when {{ is_known_timezone(creators ~ '.timezone') }} then {{ creators }}.timezone
            else coalesce(markets.timezone, unknown_market.timezone)
        end as effective_timezone
    from {{ creators }}
    cross join (
        select
            market,
            timezone
        from {{ ref('dim_markets') }}
        where market = 'ZZ'
    ) as unknown_market
    left join {{ ref('dim_markets') }} as markets on {{ creators }}.country = markets.country
{%- endmacro %}
