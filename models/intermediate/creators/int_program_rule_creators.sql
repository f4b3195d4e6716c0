with

assignments as (

    select * from {{ ref('stg_raw__program_assignments') }}

),

programs_with_rules as (

    -- distinct: a program's rules follow each other, and differ by market and platform
    select distinct program from {{ ref('int_metric_rule_periods') }}
    where program not in ('*', 'backstage_export')

),

assigned_programs as (

    -- distinct: assignments are sent again, and a program has many creators
    select distinct program_id from assignments

),

ranked_programs as (

    -- `reward_mission` is for the program of that name and for `reward_mission_2026_q3`.
    select
        assigned_programs.program_id,
        programs_with_rules.program,
        row_number() over (
            partition by assigned_programs.program_id
            order by length(programs_with_rules.program) desc
        ) as closeness_rank
    from assigned_programs
    inner join programs_with_rules
        on
            assigned_programs.program_id = programs_with_rules.program
            or substr(assigned_programs.program_id, 1, length(programs_with_rules.program) + 1)
            = programs_with_rules.program || '_'

),

final as (

    -- distinct: assignments are sent again, and two programs can go by the same rules
    select distinct
        assignments.creator_id,
        ranked_programs.program
    from assignments
    inner join ranked_programs on assignments.program_id = ranked_programs.program_id
    where ranked_programs.closeness_rank = 1

)

select * from final
