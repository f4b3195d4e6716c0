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
            "label_en": "Applied",
            "label_es": "Presentó su solicitud",
            "description_en": "The creator applied to the agency.",
            "description_es": "El creador presentó su solicitud a la agencia.",
            "comes_from": "onboarding_events",
            "feeds": ["onboarding_events"],
            "step": "applied",
            "event": none,
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "approved",
            "label_en": "Approved",
            "label_es": "Aprobado",
            "description_en": "The agency approved the application.",
            "description_es": "La agencia aprobó la solicitud.",
            "comes_from": "onboarding_events",
            "feeds": ["onboarding_events"],
            "step": "approved",
            "event": none,
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "trained",
            "label_en": "Trained",
            "label_es": "Capacitado",
            "description_en": "The creator went through the training of onboarding.",
            "description_es": "El creador pasó por la capacitación de incorporación.",
            "comes_from": "onboarding_events",
            "feeds": ["onboarding_events"],
            "step": "trained",
            "event": none,
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "live_day",
            "label_en": "LIVE day",
            "label_es": "Día con LIVE",
            "description_en": "A local day on which at least one LIVE session started.",
            "description_es": "Un día local en el que empezó al menos una sesión LIVE.",
            "comes_from": "live_days",
            "feeds": ["live_sessions", "live_snapshots", "backstage_reports"],
            "step": none,
            "event": none,
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "valid_live_day",
            "label_en": "Valid LIVE day",
            "label_es": "Día LIVE válido",
            "description_en": "A local day that satisfies the metric rule of its time.",
            "description_es": "Un día local que cumple la regla de métrica de su momento.",
            "comes_from": "valid_live_days",
            "feeds": ["live_sessions", "live_snapshots", "backstage_reports"],
            "step": none,
            "event": none,
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "reactivated",
            "label_en": "Came back",
            "label_es": "Volvió",
            "description_en": "LIVE again after at least four weeks without a LIVE session.",
            "description_es": "De nuevo en LIVE tras al menos cuatro semanas sin una sesión LIVE.",
            "comes_from": "returns",
            "feeds": ["live_sessions", "live_snapshots", "backstage_reports"],
            "step": none,
            "event": none,
            "program_kind": none,
            "days_away": 28
        },
        {
            "name": "program_exposed",
            "label_en": "Saw a program",
            "label_es": "Vio un programa",
            "description_en": "The creator was shown a program, of whatever kind.",
            "description_es": "Se le mostró un programa al creador, de cualquier tipo.",
            "comes_from": "program_events",
            "feeds": ["program_events"],
            "step": none,
            "event": "exposed",
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "program_enrolled",
            "label_en": "Joined a program",
            "label_es": "Se inscribió en un programa",
            "description_en": "The creator joined a program, of whatever kind.",
            "description_es": "El creador se inscribió en un programa, de cualquier tipo.",
            "comes_from": "program_events",
            "feeds": ["program_events"],
            "step": none,
            "event": "enrolled",
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "program_completed",
            "label_en": "Completed a program",
            "label_es": "Completó un programa",
            "description_en": "The creator completed a program, of whatever kind.",
            "description_es": "El creador completó un programa, de cualquier tipo.",
            "comes_from": "program_events",
            "feeds": ["program_events"],
            "step": none,
            "event": "completed",
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "program_withdrew",
            "label_en": "Left a program",
            "label_es": "Se retiró de un programa",
            "description_en": "The creator left a program before its end.",
            "description_es": "El creador se retiró de un programa antes de que terminara.",
            "comes_from": "program_events",
            "feeds": ["program_events"],
            "step": none,
            "event": "withdrew",
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "campaign_exposed",
            "label_en": "Saw a campaign",
            "label_es": "Vio una campaña",
            "description_en": "The creator was shown a LIVE campaign.",
            "description_es": "Se le mostró una campaña LIVE al creador.",
            "comes_from": "program_events",
            "feeds": ["program_events"],
            "step": none,
            "event": "exposed",
            "program_kind": "campaign",
            "days_away": none
        },
        {
            "name": "campaign_enrolled",
            "label_en": "Joined a campaign",
            "label_es": "Se inscribió en una campaña",
            "description_en": "The creator joined a LIVE campaign.",
            "description_es": "El creador se inscribió en una campaña LIVE.",
            "comes_from": "program_events",
            "feeds": ["program_events"],
            "step": none,
            "event": "enrolled",
            "program_kind": "campaign",
            "days_away": none
        },
        {
            "name": "campaign_completed",
            "label_en": "Completed a campaign",
            "label_es": "Completó una campaña",
            "description_en": "The creator did what a LIVE campaign asked for.",
            "description_es": "El creador cumplió lo que pedía una campaña LIVE.",
            "comes_from": "program_events",
            "feeds": ["program_events"],
            "step": none,
            "event": "completed",
            "program_kind": "campaign",
            "days_away": none
        },
        {
            "name": "training_exposed",
            "label_en": "Saw a training",
            "label_es": "Vio una capacitación",
            "description_en": "The creator was shown a training.",
            "description_es": "Se le mostró una capacitación al creador.",
            "comes_from": "program_events",
            "feeds": ["program_events"],
            "step": none,
            "event": "exposed",
            "program_kind": "training",
            "days_away": none
        },
        {
            "name": "training_enrolled",
            "label_en": "Began a training",
            "label_es": "Empezó una capacitación",
            "description_en": "The creator enrolled in a training.",
            "description_es": "El creador se inscribió en una capacitación.",
            "comes_from": "program_events",
            "feeds": ["program_events"],
            "step": none,
            "event": "enrolled",
            "program_kind": "training",
            "days_away": none
        },
        {
            "name": "training_completed",
            "label_en": "Completed a training",
            "label_es": "Completó una capacitación",
            "description_en": "The creator completed a training.",
            "description_es": "El creador completó una capacitación.",
            "comes_from": "program_events",
            "feeds": ["program_events"],
            "step": none,
            "event": "completed",
            "program_kind": "training",
            "days_away": none
        },
        {
            "name": "asset_used",
            "label_en": "Used material",
            "label_es": "Usó material de apoyo",
            "description_en": "The creator took up a piece of a toolkit.",
            "description_es": "El creador usó una pieza del material de apoyo.",
            "comes_from": "asset_uses",
            "feeds": ["asset_uses"],
            "step": none,
            "event": none,
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "reward_paid",
            "label_en": "Reward paid",
            "label_es": "Recompensa pagada",
            "description_en": "A reward was paid to the creator.",
            "description_es": "Se le pagó una recompensa al creador.",
            "comes_from": "reward_payouts",
            "feeds": ["reward_payouts"],
            "step": none,
            "event": none,
            "program_kind": none,
            "days_away": none
        },
        {
            "name": "enforced",
            "label_en": "Measure taken",
            "label_es": "Recibió una medida",
            "description_en": "The platform took a measure against the creator, from a warning to a ban.",
            "description_es": "La plataforma tomó una medida contra el creador, desde una advertencia hasta la expulsión.",
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
            "label_en": "Onboarding",
            "label_es": "Incorporación",
            "description_en": "From the application to being LIVE in the fourth week after the first LIVE.",
            "description_es": "Desde la solicitud hasta seguir en LIVE en la cuarta semana tras el primer LIVE.",
            "entity": "creator",
            "order": "ordered",
            "window_seconds": 10368000,
            "steps": [
                {
                    "index": 1,
                    "name": "applied",
                    "label_en": "Applied",
                    "label_es": "Presentó su solicitud",
                    "activity": "applied",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": none,
                    "counted_from_step": none
                },
                {
                    "index": 2,
                    "name": "approved",
                    "label_en": "Approved",
                    "label_es": "Aprobado",
                    "activity": "approved",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": 1814400,
                    "counted_from_step": 1
                },
                {
                    "index": 3,
                    "name": "trained",
                    "label_en": "Trained",
                    "label_es": "Capacitado",
                    "activity": "trained",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": 1814400,
                    "counted_from_step": 2
                },
                {
                    "index": 4,
                    "name": "first_live",
                    "label_en": "First LIVE",
                    "label_es": "Primer LIVE",
                    "activity": "live_day",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": 1814400,
                    "counted_from_step": 3
                },
                {
                    "index": 5,
                    "name": "third_valid_day",
                    "label_en": "Third valid LIVE day",
                    "label_es": "Tercer día LIVE válido",
                    "activity": "valid_live_day",
                    "occurrence": 3,
                    "not_before_seconds": none,
                    "within_seconds": 1814400,
                    "counted_from_step": 4
                },
                {
                    "index": 6,
                    "name": "retained_in_week_4",
                    "label_en": "LIVE in week 4",
                    "label_es": "En LIVE en la semana 4",
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
            "label_en": "Reactivation",
            "label_es": "Reactivación",
            "description_en": "Who came back after four weeks away, and do they stay?",
            "description_es": "Quién volvió tras cuatro semanas sin LIVE, ¿y se queda?",
            "entity": "creator",
            "order": "ordered",
            "window_seconds": 2419200,
            "steps": [
                {
                    "index": 1,
                    "name": "came_back",
                    "label_en": "Came back",
                    "label_es": "Volvió",
                    "activity": "reactivated",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": none,
                    "counted_from_step": none
                },
                {
                    "index": 2,
                    "name": "live_again",
                    "label_en": "LIVE again within a week",
                    "label_es": "En LIVE otra vez en una semana",
                    "activity": "live_day",
                    "occurrence": 1,
                    "not_before_seconds": 86400,
                    "within_seconds": 604800,
                    "counted_from_step": 1
                },
                {
                    "index": 3,
                    "name": "stayed",
                    "label_en": "LIVE in week 4",
                    "label_es": "En LIVE en la semana 4",
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
            "label_en": "Campaign participation",
            "label_es": "Participación en campañas",
            "description_en": "From seeing a LIVE campaign to three valid LIVE days after joining it.",
            "description_es": "Desde ver una campaña LIVE hasta tres días LIVE válidos tras inscribirse.",
            "entity": "creator",
            "order": "ordered",
            "window_seconds": 3628800,
            "steps": [
                {
                    "index": 1,
                    "name": "saw",
                    "label_en": "Saw it",
                    "label_es": "La vio",
                    "activity": "campaign_exposed",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": none,
                    "counted_from_step": none
                },
                {
                    "index": 2,
                    "name": "joined",
                    "label_en": "Joined",
                    "label_es": "Se inscribió",
                    "activity": "campaign_enrolled",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": 1209600,
                    "counted_from_step": 1
                },
                {
                    "index": 3,
                    "name": "went_live",
                    "label_en": "Went LIVE",
                    "label_es": "Hizo LIVE",
                    "activity": "live_day",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": 604800,
                    "counted_from_step": 2
                },
                {
                    "index": 4,
                    "name": "third_valid_day",
                    "label_en": "Third valid LIVE day",
                    "label_es": "Tercer día LIVE válido",
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
            "label_en": "Training completion",
            "label_es": "Finalización de capacitaciones",
            "description_en": "From being offered a training to a valid LIVE day after it.",
            "description_es": "Desde el ofrecimiento de una capacitación hasta un día LIVE válido después de ella.",
            "entity": "creator",
            "order": "ordered",
            "window_seconds": 3628800,
            "steps": [
                {
                    "index": 1,
                    "name": "offered",
                    "label_en": "Offered",
                    "label_es": "Ofrecida",
                    "activity": "training_exposed",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": none,
                    "counted_from_step": none
                },
                {
                    "index": 2,
                    "name": "began",
                    "label_en": "Began",
                    "label_es": "Empezada",
                    "activity": "training_enrolled",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": 1209600,
                    "counted_from_step": 1
                },
                {
                    "index": 3,
                    "name": "completed",
                    "label_en": "Completed",
                    "label_es": "Completada",
                    "activity": "training_completed",
                    "occurrence": 1,
                    "not_before_seconds": none,
                    "within_seconds": 1209600,
                    "counted_from_step": 2
                },
                {
                    "index": 4,
                    "name": "valid_day_after",
                    "label_en": "Valid LIVE day after it",
                    "label_es": "Día LIVE válido después",
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
            "label_en": "First LIVE",
            "label_es": "Primer LIVE",
            "description_en": "Creators by the week or month of their first LIVE day.",
            "description_es": "Creadores según la semana o el mes de su primer día con LIVE.",
            "activity": "live_day",
            "occurrence": 1,
            "date_column": none,
            "segments": ["all", "market", "agency", "category", "acquisition_source", "language", "tier"]
        },
        {
            "name": "joined",
            "label_en": "Joining",
            "label_es": "Ingreso",
            "description_en": "Creators by the week or month in which they joined.",
            "description_es": "Creadores según la semana o el mes en que ingresaron.",
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
        {
            "name": "all",
            "label_en": "All creators",
            "label_es": "Todos los creadores",
            "description_en": "Everybody, in one segment called `all`.",
            "description_es": "Todos, en un solo segmento llamado `all`.",
            "column": none
        },
        {
            "name": "market",
            "label_en": "Market",
            "label_es": "Mercado",
            "description_en": "Where a creator works.",
            "description_es": "Dónde trabaja un creador.",
            "column": "market"
        },
        {
            "name": "agency",
            "label_en": "Agency",
            "label_es": "Agencia",
            "description_en": "The agency that looks after a creator.",
            "description_es": "La agencia que acompaña a un creador.",
            "column": "agency_id"
        },
        {
            "name": "category",
            "label_en": "Category",
            "label_es": "Categoría",
            "description_en": "What a creator mostly does LIVE.",
            "description_es": "Lo que un creador hace sobre todo en LIVE.",
            "column": "category"
        },
        {
            "name": "acquisition_source",
            "label_en": "Acquisition source",
            "label_es": "Origen de captación",
            "description_en": "How a creator was found.",
            "description_es": "Cómo se captó a un creador.",
            "column": "acquisition_source"
        },
        {
            "name": "language",
            "label_en": "Language",
            "label_es": "Idioma",
            "description_en": "The language a creator speaks LIVE.",
            "description_es": "El idioma que un creador habla en LIVE.",
            "column": "language"
        },
        {
            "name": "tier",
            "label_en": "Tier",
            "label_es": "Nivel",
            "description_en": "A creator's step for this month.",
            "description_es": "El nivel de un creador en este mes.",
            "column": "tier"
        }
    ]) }}
{%- endmacro %}
