-- Two rules of one program that are equally specific and valid on the same day: which of them
-- applies to a creator of that market and platform would be chance.
with

metric_rules as (

    select * from {{ ref('metric_rules') }}

),

final as (

    select
        first_rule.rule_id,
        second_rule.rule_id as other_rule_id
    from metric_rules as first_rule
    inner join metric_rules as second_rule
        on
            first_rule.rule_id < second_rule.rule_id
            and first_rule.program = second_rule.program
            and first_rule.market = second_rule.market
            and first_rule.platform = second_rule.platform
            and first_rule.valid_from <= coalesce(second_rule.valid_to, date '9999-12-31')
            and second_rule.valid_from <= coalesce(first_rule.valid_to, date '9999-12-31')

)

select * from final
