with

settlement as (

    select * from {{ ref('int_settlement') }}

),

bounds as (

    select max(calendar_date) as last_date
    from {{ ref('int_kpi_days') }}

),

-- The windows of the first day reach back over settled ones.
creator_days as (

    select
        placed.creator_id,
        placed.local_date,
        placed.market,
        placed.agency_id
    from {{ ref('int_creator_days_placed') }} as placed
    inner join settlement
        on placed.local_date >= {{ add_days('settlement.settled_until_date', -28) }}
    where placed.session_count > 0

),

recent_windows as (

    {{ active_windows('creator_days') | indent(4) }}

),

windows as (

    select
        recent_windows.local_date,
        recent_windows.market,
        recent_windows.agency_id,
        recent_windows.active_7d_count,
        recent_windows.active_days_7d_count,
        recent_windows.active_28d_count,
        recent_windows.active_days_28d_count
    from recent_windows
    inner join settlement on recent_windows.local_date >= settlement.settled_until_date

    union all

    select
        local_date,
        market,
        agency_id,
        active_7d_count,
        active_days_7d_count,
        active_28d_count,
        active_days_28d_count
    from {{ ref('int_kpi_active_windows_settled') }}

),

final as (

    select
        windows.local_date,
        windows.market,
        windows.agency_id,
        windows.active_7d_count,
        windows.active_days_7d_count,
        windows.active_28d_count,
        windows.active_days_28d_count
    from windows
    inner join bounds on windows.local_date <= bounds.last_date
    where windows.active_days_28d_count > 0 or windows.active_28d_count > 0

)

select * from final
