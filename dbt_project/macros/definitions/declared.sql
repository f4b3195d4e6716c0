{#
    Made from orchestration/declared/*.yaml by `semillero prepare`. Change those, not this.

    What lives here: what is declared, as lists of mappings in the order of the files. What may not:
    anything else. Every mapping has all its keys; what is not declared is none. Durations are in
    seconds.
#}

{# What creators do, and where it is seen. #}
{% macro declared_activities() -%}
    {{ return([
        {
            "name": "applied",
            "comes_from": "onboarding_events",
            "feeds": ["onboarding_events"],
            "step": "applied",
            "event": none,
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "approved",
            "comes_from": "onboarding_events",
            "feeds": ["onboarding_events"],
            "step": "approved",
            "event": none,
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "trained",
            "comes_from": "onboarding_events",
            "feeds": ["onboarding_events"],
            "step": "trained",
            "event": none,
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "live_day",
            "comes_from": "live_days",
            "feeds": ["live_sessions", "live_snapshots", "backstage_reports"],
            "step": none,
            "event": none,
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "valid_live_day",
            "comes_from": "valid_live_days",
            "feeds": ["live_sessions", "live_snapshots", "backstage_reports"],
            "step": none,
            "event": none,
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "reactivated",
            "comes_from": "returns",
            "feeds": ["live_sessions", "live_snapshots", "backstage_reports"],
            "step": none,
            "event": none,
            "program_kind": none,
            "days_away": 28
        },
        {
            "name": "program_exposed",
            "comes_from": "program_events",
            "feeds": ["program_events"],
            "step": none,
            "event": "exposed",
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "program_enrolled",
            "comes_from": "program_events",
            "feeds": ["program_events"],
            "step": none,
            "event": "enrolled",
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "program_completed",
            "comes_from": "program_events",
            "feeds": ["program_events"],
            "step": none,
            "event": "completed",
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "program_withdrew",
            "comes_from": "program_events",
            "feeds": ["program_events"],
            "step": none,
            "event": "withdrew",
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "campaign_exposed",
            "comes_from": "program_events",
            "feeds": ["program_events"],
            "step": none,
            "event": "exposed",
            "program_kind": "campaign",
            "days_away": none
        },
        {
            "name": "campaign_enrolled",
            "comes_from": "program_events",
            "feeds": ["program_events"],
            "step": none,
            "event": "enrolled",
            "program_kind": "campaign",
            "days_away": none
        },
        {
            "name": "campaign_completed",
            "comes_from": "program_events",
            "feeds": ["program_events"],
            "step": none,
            "event": "completed",
            "program_kind": "campaign",
            "days_away": none
        },
        {
            "name": "training_exposed",
            "comes_from": "program_events",
            "feeds": ["program_events"],
            "step": none,
            "event": "exposed",
            "program_kind": "training",
            "days_away": none
        },
        {
            "name": "training_enrolled",
            "comes_from": "program_events",
            "feeds": ["program_events"],
            "step": none,
            "event": "enrolled",
            "program_kind": "training",
            "days_away": none
        },
        {
            "name": "training_completed",
            "comes_from": "program_events",
            "feeds": ["program_events"],
            "step": none,
            "event": "completed",
            "program_kind": "training",
            "days_away": none
        },
        {
            "name": "asset_used",
            "comes_from": "asset_uses",
            "feeds": ["asset_uses"],
            "step": none,
            "event": none,
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "reward_paid",
            "comes_from": "reward_payouts",
            "feeds": ["reward_payouts"],
            "step": none,
            "event": none,
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "enforced",
            "comes_from": "enforcement_events",
            "feeds": ["enforcement_events"],
            "step": none,
            "event": none,
            "program_kind": none,
            "days_away": none
        }
    ]) }}
{%- endmacro %}

{# Funnels. A step's `counted_from_step` is the index (from 1) of the step that its interval begins with. #}
{% macro declared_funnels() -%}
    {{ return([
        {
            "name": "onboarding",
            "entity": "creator",
            "order": "ordered",
            "window_seconds": 10368000,
            "steps": [
                {
                    "index": 1,
                    "name": "applied",
                    "activity": "applied",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": none,
                    "counted_from_step": none
                },
                {
                    "index": 2,
                    "name": "approved",
                    "activity": "approved",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": 1814400,
                    "counted_from_step": 1
                },
                {
                    "index": 3,
                    "name": "trained",
                    "activity": "trained",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": 1814400,
                    "counted_from_step": 2
                },
                {
                    "index": 4,
                    "name": "first_live",
                    "activity": "live_day",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": 1814400,
                    "counted_from_step": 3
                },
                {
                    "index": 5,
                    "name": "third_valid_day",
                    "activity": "valid_live_day",
                    "occurrence": 3,
                    "not_before_seconds": none,
                    "within_seconds": 1814400,
                    "counted_from_step": 4
                },
                {
                    "index": 6,
                    "name": "retained_in_week_4",
                    "activity": "live_day",
                    "occurrence": 1,
                    "not_before_seconds": 1814400,
                    "within_seconds": 2419200,
                    "counted_from_step": 4
                }
            ],
            "exclusions": [],
            "segments": ["all", "market", "agency", "category", "acquisition_source", "language", "tier"]
        },
        {
            "name": "reactivation",
            "entity": "creator",
            "order": "ordered",
            "window_seconds": 2419200,
            "steps": [
                {
                    "index": 1,
                    "name": "came_back",
                    "activity": "reactivated",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": none,
                    "counted_from_step": none
                },
                {
                    "index": 2,
                    "name": "live_again",
                    "activity": "live_day",
                    "occurrence": 1,
                    "not_before_seconds": 86400,
                    "within_seconds": 604800,
                    "counted_from_step": 1
                },
                {
                    "index": 3,
                    "name": "stayed",
                    "activity": "live_day",
                    "occurrence": 1,
                    "not_before_seconds": 1814400,
                    "within_seconds": 2419200,
                    "counted_from_step": 1
                }
            ],
            "exclusions": [],
            "segments": ["all", "market", "agency", "category", "acquisition_source", "language", "tier"]
        },
        {
            "name": "campaign_participation",
            "entity": "creator",
            "order": "ordered",
            "window_seconds": 3628800,
            "steps": [
                {
                    "index": 1,
                    "name": "saw",
                    "activity": "campaign_exposed",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": none,
                    "counted_from_step": none
                },
                {
                    "index": 2,
                    "name": "joined",
                    "activity": "campaign_enrolled",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": 1209600,
                    "counted_from_step": 1
                },
                {
                    "index": 3,
                    "name": "went_live",
                    "activity": "live_day",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": 604800,
                    "counted_from_step": 2
                },
                {
                    "index": 4,
                    "name": "third_valid_day",
                    "activity": "valid_live_day",
                    "occurrence": 3,
                    "not_before_seconds": none,
                    "within_seconds": 1814400,
                    "counted_from_step": 3
                }
            ],
            "exclusions": [{"activity": "program_withdrew", "after_step": 2, "before_step": 4}],
            "segments": ["all", "market", "agency", "category", "acquisition_source", "language", "tier"]
        },
        {
            "name": "training_completion",
            "entity": "creator",
            "order": "ordered",
            "window_seconds": 3628800,
            "steps": [
                {
                    "index": 1,
                    "name": "offered",
                    "activity": "training_exposed",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": none,
                    "counted_from_step": none
                },
                {
                    "index": 2,
                    "name": "began",
                    "activity": "training_enrolled",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": 1209600,
                    "counted_from_step": 1
                },
                {
                    "index": 3,
                    "name": "completed",
                    "activity": "training_completed",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": 1209600,
                    "counted_from_step": 2
                },
                {
                    "index": 4,
                    "name": "valid_day_after",
                    "activity": "valid_live_day",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": 1209600,
                    "counted_from_step": 3
                }
            ],
            "exclusions": [],
            "segments": ["all", "market", "agency", "category", "acquisition_source", "language", "tier"]
        }
    ]) }}
{%- endmacro %}

{# Cohort kinds: by the n-th time of an activity, or by a date of `dim_creators`. `segments` are those to show. #}
{% macro declared_cohorts() -%}
    {{ return([
        {
            "name": "first_live",
            "activity": "live_day",
            "occurrence": 1,
            "date_column": none,
            "segments": ["all", "market", "agency", "category", "acquisition_source", "language", "tier"]
        },
        {
            "name": "joined",
            "activity": none,
            "occurrence": none,
            "date_column": "joined_date",
            "segments": ["all", "market", "agency", "category", "acquisition_source", "language", "tier"]
        }
    ]) }}
{%- endmacro %}

{# Segment kinds: by a column of `dim_creators`; `all` has none. #}
{% macro declared_segments() -%}
    {{ return([
        {"name": "all", "column": none},
        {"name": "market", "column": "market"},
        {"name": "agency", "column": "agency_id"},
        {"name": "category", "column": "category"},
        {"name": "acquisition_source", "column": "acquisition_source"},
        {"name": "language", "column": "language"},
        {"name": "tier", "column": "tier"}
    ]) }}
{%- endmacro %}
