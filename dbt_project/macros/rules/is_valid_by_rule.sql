{#
    Is a local day a valid LIVE day by a rule, whose parameters stand in columns of their own names?

    Arguments:
        counted_seconds: what the rule counts of the day, before its cap: without static LIVE where it leaves
            that out, and without stretches that are shorter than it asks for.
        longest_seconds: the longest stretch that the rule looks at.
        diamonds: of the day; NULL where nobody counted them, which is no diamond.
#}
{% macro is_valid_by_rule(counted_seconds, longest_seconds, diamonds) -%}
    (
        {{ counted_seconds }} >= min_live_seconds
        and {{ counted_seconds }} >= min_session_seconds
        and {{ longest_seconds }} >= min_longest_session_seconds
        and coalesce({{ diamonds }}, 0) >= min_diamonds
    )
{%- endmacro %}
