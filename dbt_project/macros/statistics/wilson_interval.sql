{#
    Wilson score interval of a proportion, 95 % two-sided (Wilson 1927, "Probable inference, the law of
    succession, and statistical inference", JASA 22:209-212), without continuity correction:

        (p + z^2/2n -+ z * sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)

    Chosen over p -+ z*sqrt(p(1-p)/n) because cohorts are small and rates sit near 0 and 1, where that
    one leaves [0, 1] and shrinks to nothing.

    successes, trials: SQL expressions of integer type, 0 <= successes <= trials.
    Result: a double in [0, 1]; NULL where trials is 0 or either is NULL.
#}
{% macro wilson_low(successes, trials) -%}
    {{ _wilson_bound(successes, trials, '-') }}
{%- endmacro %}


{% macro wilson_high(successes, trials) -%}
    {{ _wilson_bound(successes, trials, '+') }}
{%- endmacro %}


{% macro _wilson_bound(successes, trials, sign) -%}
    {#- z of 97.5 %: the standard normal quantile to double precision. -#}
    {%- set z = '1.959963984540054e0' -%}
    {%- set n = 'cast(' ~ trials ~ ' as double)' -%}
    {%- set s = 'cast(' ~ successes ~ ' as double)' -%}
    case
        when {{ trials }} > 0 and {{ successes }} is not null
            then least(1e0, greatest(0e0, (
                {{ s }} + {{ z }} * {{ z }} / 2e0
                {{ sign }} {{ z }} * sqrt({{ s }} * ({{ n }} - {{ s }}) / {{ n }} + {{ z }} * {{ z }} / 4e0)
            ) / ({{ n }} + {{ z }} * {{ z }})))
    end
{%- endmacro %}
