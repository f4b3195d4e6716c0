{#
    Made from orchestration/declared/*.yaml by `semillero prepare`. Change those, not this.

    What lives here: what people call what is declared. What may not: anything that a model but
    `labels` reads, because these words are no reason to build facts anew.
#}

{# Names and descriptions. `funnel` is the one that a step belongs to, `*` elsewhere. #}
{% macro declared_labels() -%}
    {{ return([
        {
            "kind": "activity",
            "funnel": "*",
            "name": "applied",
            "label_en": "Applied",
            "label_es": "Presentó su solicitud",
            "description_en": "The creator applied to the agency.",
            "description_es": "El creador presentó su solicitud a la agencia."
        },
        {
            "kind": "activity",
            "funnel": "*",
            "name": "approved",
            "label_en": "Approved",
            "label_es": "Aprobado",
            "description_en": "The agency approved the application.",
            "description_es": "La agencia aprobó la solicitud."
        },
        {
            "kind": "activity",
            "funnel": "*",
            "name": "trained",
            "label_en": "Trained",
            "label_es": "Capacitado",
            "description_en": "The creator went through the training of onboarding.",
            "description_es": "El creador pasó por la capacitación de incorporación."
        },
        {
            "kind": "activity",
            "funnel": "*",
            "name": "live_day",
            "label_en": "LIVE day",
            "label_es": "Día con LIVE",
            "description_en": "A local day on which at least one LIVE session started.",
            "description_es": "Un día local en el que empezó al menos una sesión LIVE."
        },
        {
            "kind": "activity",
            "funnel": "*",
            "name": "valid_live_day",
            "label_en": "Valid LIVE day",
            "label_es": "Día LIVE válido",
            "description_en": "A local day that satisfies the metric rule of its time.",
            "description_es": "Un día local que cumple la regla de métrica de su momento."
        },
        {
            "kind": "activity",
            "funnel": "*",
            "name": "reactivated",
            "label_en": "Came back",
            "label_es": "Volvió",
            "description_en": "LIVE again after at least four weeks without a LIVE session.",
            "description_es": "De nuevo en LIVE tras al menos cuatro semanas sin una sesión LIVE."
        },
        {
            "kind": "activity",
            "funnel": "*",
            "name": "program_exposed",
            "label_en": "Saw a program",
            "label_es": "Vio un programa",
            "description_en": "The creator was shown a program, of whatever kind.",
            "description_es": "Se le mostró un programa al creador, de cualquier tipo."
        },
        {
            "kind": "activity",
            "funnel": "*",
            "name": "program_enrolled",
            "label_en": "Joined a program",
            "label_es": "Se inscribió en un programa",
            "description_en": "The creator joined a program, of whatever kind.",
            "description_es": "El creador se inscribió en un programa, de cualquier tipo."
        },
        {
            "kind": "activity",
            "funnel": "*",
            "name": "program_completed",
            "label_en": "Completed a program",
            "label_es": "Completó un programa",
            "description_en": "The creator completed a program, of whatever kind.",
            "description_es": "El creador completó un programa, de cualquier tipo."
        },
        {
            "kind": "activity",
            "funnel": "*",
            "name": "program_withdrew",
            "label_en": "Left a program",
            "label_es": "Se retiró de un programa",
            "description_en": "The creator left a program before its end.",
            "description_es": "El creador se retiró de un programa antes de que terminara."
        },
        {
            "kind": "activity",
            "funnel": "*",
            "name": "campaign_exposed",
            "label_en": "Saw a campaign",
            "label_es": "Vio una campaña",
            "description_en": "The creator was shown a LIVE campaign.",
            "description_es": "Se le mostró una campaña LIVE al creador."
        },
        {
            "kind": "activity",
            "funnel": "*",
            "name": "campaign_enrolled",
            "label_en": "Joined a campaign",
            "label_es": "Se inscribió en una campaña",
            "description_en": "The creator joined a LIVE campaign.",
            "description_es": "El creador se inscribió en una campaña LIVE."
        },
        {
            "kind": "activity",
            "funnel": "*",
            "name": "campaign_completed",
            "label_en": "Completed a campaign",
            "label_es": "Completó una campaña",
            "description_en": "The creator did what a LIVE campaign asked for.",
            "description_es": "El creador cumplió lo que pedía una campaña LIVE."
        },
        {
            "kind": "activity",
            "funnel": "*",
            "name": "training_exposed",
            "label_en": "Saw a training",
            "label_es": "Vio una capacitación",
            "description_en": "The creator was shown a training.",
            "description_es": "Se le mostró una capacitación al creador."
        },
        {
            "kind": "activity",
            "funnel": "*",
            "name": "training_enrolled",
            "label_en": "Began a training",
            "label_es": "Empezó una capacitación",
            "description_en": "The creator enrolled in a training.",
            "description_es": "El creador se inscribió en una capacitación."
        },
        {
            "kind": "activity",
            "funnel": "*",
            "name": "training_completed",
            "label_en": "Completed a training",
            "label_es": "Completó una capacitación",
            "description_en": "The creator completed a training.",
            "description_es": "El creador completó una capacitación."
        },
        {
            "kind": "activity",
            "funnel": "*",
            "name": "asset_used",
            "label_en": "Used material",
            "label_es": "Usó material de apoyo",
            "description_en": "The creator took up a piece of a toolkit.",
            "description_es": "El creador usó una pieza del material de apoyo."
        },
        {
            "kind": "activity",
            "funnel": "*",
            "name": "reward_paid",
            "label_en": "Reward paid",
            "label_es": "Recompensa pagada",
            "description_en": "A reward was paid to the creator.",
            "description_es": "Se le pagó una recompensa al creador."
        },
        {
            "kind": "activity",
            "funnel": "*",
            "name": "enforced",
            "label_en": "Measure taken",
            "label_es": "Recibió una medida",
            "description_en": "The platform took a measure against the creator, from a warning to a ban.",
            "description_es": "La plataforma tomó una medida contra el creador, desde una advertencia hasta la expulsión."
        },
        {
            "kind": "cohort",
            "funnel": "*",
            "name": "first_live",
            "label_en": "First LIVE",
            "label_es": "Primer LIVE",
            "description_en": "Creators by the week or month of their first LIVE day.",
            "description_es": "Creadores según la semana o el mes de su primer día con LIVE."
        },
        {
            "kind": "cohort",
            "funnel": "*",
            "name": "joined",
            "label_en": "Joining",
            "label_es": "Ingreso",
            "description_en": "Creators by the week or month in which they joined.",
            "description_es": "Creadores según la semana o el mes en que ingresaron."
        },
        {
            "kind": "segment",
            "funnel": "*",
            "name": "all",
            "label_en": "All creators",
            "label_es": "Todos los creadores",
            "description_en": "Everybody, in one segment called `all`.",
            "description_es": "Todos, en un solo segmento llamado `all`."
        },
        {
            "kind": "segment",
            "funnel": "*",
            "name": "market",
            "label_en": "Market",
            "label_es": "Mercado",
            "description_en": "Where a creator works.",
            "description_es": "Dónde trabaja un creador."
        },
        {
            "kind": "segment",
            "funnel": "*",
            "name": "agency",
            "label_en": "Agency",
            "label_es": "Agencia",
            "description_en": "The agency that looks after a creator.",
            "description_es": "La agencia que acompaña a un creador."
        },
        {
            "kind": "segment",
            "funnel": "*",
            "name": "category",
            "label_en": "Category",
            "label_es": "Categoría",
            "description_en": "What a creator mostly does LIVE.",
            "description_es": "Lo que un creador hace sobre todo en LIVE."
        },
        {
            "kind": "segment",
            "funnel": "*",
            "name": "acquisition_source",
            "label_en": "Acquisition source",
            "label_es": "Origen de captación",
            "description_en": "How a creator was found.",
            "description_es": "Cómo se captó a un creador."
        },
        {
            "kind": "segment",
            "funnel": "*",
            "name": "language",
            "label_en": "Language",
            "label_es": "Idioma",
            "description_en": "The language a creator speaks LIVE.",
            "description_es": "El idioma que un creador habla en LIVE."
        },
        {
            "kind": "segment",
            "funnel": "*",
            "name": "tier",
            "label_en": "Tier",
            "label_es": "Nivel",
            "description_en": "A creator's step for this month.",
            "description_es": "El nivel de un creador en este mes."
        },
        {
            "kind": "funnel",
            "funnel": "*",
            "name": "onboarding",
            "label_en": "Onboarding",
            "label_es": "Incorporación",
            "description_en": "From the application to being LIVE in the fourth week after the first LIVE.",
            "description_es": "Desde la solicitud hasta seguir en LIVE en la cuarta semana tras el primer LIVE."
        },
        {
            "kind": "funnel_step",
            "funnel": "onboarding",
            "name": "applied",
            "label_en": "Applied",
            "label_es": "Presentó su solicitud",
            "description_en": "Applied; the funnel begins here.",
            "description_es": "Presentó su solicitud; aquí empieza el embudo."
        },
        {
            "kind": "funnel_step",
            "funnel": "onboarding",
            "name": "approved",
            "label_en": "Approved",
            "label_es": "Aprobado",
            "description_en": "Approved, at most 21 days after the step “Applied”.",
            "description_es": "Aprobado, a más tardar 21 días después del paso «Presentó su solicitud»."
        },
        {
            "kind": "funnel_step",
            "funnel": "onboarding",
            "name": "trained",
            "label_en": "Trained",
            "label_es": "Capacitado",
            "description_en": "Trained, at most 21 days after the step “Approved”.",
            "description_es": "Capacitado, a más tardar 21 días después del paso «Aprobado»."
        },
        {
            "kind": "funnel_step",
            "funnel": "onboarding",
            "name": "first_live",
            "label_en": "First LIVE",
            "label_es": "Primer LIVE",
            "description_en": "LIVE day, at most 21 days after the step “Trained”.",
            "description_es": "Día con LIVE, a más tardar 21 días después del paso «Capacitado»."
        },
        {
            "kind": "funnel_step",
            "funnel": "onboarding",
            "name": "third_valid_day",
            "label_en": "Third valid LIVE day",
            "label_es": "Tercer día LIVE válido",
            "description_en": "Valid LIVE day, number 3, at most 21 days after the step “First LIVE”.",
            "description_es": "Día LIVE válido, número 3, a más tardar 21 días después del paso «Primer LIVE»."
        },
        {
            "kind": "funnel_step",
            "funnel": "onboarding",
            "name": "retained_in_week_4",
            "label_en": "LIVE in week 4",
            "label_es": "En LIVE en la semana 4",
            "description_en": "LIVE day, 21 to 28 days after the step “First LIVE”.",
            "description_es": "Día con LIVE, de 21 a 28 días después del paso «Primer LIVE»."
        },
        {
            "kind": "funnel",
            "funnel": "*",
            "name": "reactivation",
            "label_en": "Reactivation",
            "label_es": "Reactivación",
            "description_en": "Who came back after four weeks away, and do they stay?",
            "description_es": "Quién volvió tras cuatro semanas sin LIVE, ¿y se queda?"
        },
        {
            "kind": "funnel_step",
            "funnel": "reactivation",
            "name": "came_back",
            "label_en": "Came back",
            "label_es": "Volvió",
            "description_en": "Came back; the funnel begins here.",
            "description_es": "Volvió; aquí empieza el embudo."
        },
        {
            "kind": "funnel_step",
            "funnel": "reactivation",
            "name": "live_again",
            "label_en": "LIVE again within a week",
            "label_es": "En LIVE otra vez en una semana",
            "description_en": "LIVE day, 1 to 7 days after the step “Came back”.",
            "description_es": "Día con LIVE, de 1 a 7 días después del paso «Volvió»."
        },
        {
            "kind": "funnel_step",
            "funnel": "reactivation",
            "name": "stayed",
            "label_en": "LIVE in week 4",
            "label_es": "En LIVE en la semana 4",
            "description_en": "LIVE day, 21 to 28 days after the step “Came back”.",
            "description_es": "Día con LIVE, de 21 a 28 días después del paso «Volvió»."
        },
        {
            "kind": "funnel",
            "funnel": "*",
            "name": "campaign_participation",
            "label_en": "Campaign participation",
            "label_es": "Participación en campañas",
            "description_en": "From seeing a LIVE campaign to three valid LIVE days after joining it.",
            "description_es": "Desde ver una campaña LIVE hasta tres días LIVE válidos tras inscribirse."
        },
        {
            "kind": "funnel_step",
            "funnel": "campaign_participation",
            "name": "saw",
            "label_en": "Saw it",
            "label_es": "La vio",
            "description_en": "Saw a campaign; the funnel begins here.",
            "description_es": "Vio una campaña; aquí empieza el embudo."
        },
        {
            "kind": "funnel_step",
            "funnel": "campaign_participation",
            "name": "joined",
            "label_en": "Joined",
            "label_es": "Se inscribió",
            "description_en": "Joined a campaign, at most 14 days after the step “Saw it”.",
            "description_es": "Se inscribió en una campaña, a más tardar 14 días después del paso «La vio»."
        },
        {
            "kind": "funnel_step",
            "funnel": "campaign_participation",
            "name": "went_live",
            "label_en": "Went LIVE",
            "label_es": "Hizo LIVE",
            "description_en": "LIVE day, at most 7 days after the step “Joined”.",
            "description_es": "Día con LIVE, a más tardar 7 días después del paso «Se inscribió»."
        },
        {
            "kind": "funnel_step",
            "funnel": "campaign_participation",
            "name": "third_valid_day",
            "label_en": "Third valid LIVE day",
            "label_es": "Tercer día LIVE válido",
            "description_en": "Valid LIVE day, number 3, at most 21 days after the step “Went LIVE”.",
            "description_es": "Día LIVE válido, número 3, a más tardar 21 días después del paso «Hizo LIVE»."
        },
        {
            "kind": "funnel",
            "funnel": "*",
            "name": "training_completion",
            "label_en": "Training completion",
            "label_es": "Finalización de capacitaciones",
            "description_en": "From being offered a training to a valid LIVE day after it.",
            "description_es": "Desde el ofrecimiento de una capacitación hasta un día LIVE válido después de ella."
        },
        {
            "kind": "funnel_step",
            "funnel": "training_completion",
            "name": "offered",
            "label_en": "Offered",
            "label_es": "Ofrecida",
            "description_en": "Saw a training; the funnel begins here.",
            "description_es": "Vio una capacitación; aquí empieza el embudo."
        },
        {
            "kind": "funnel_step",
            "funnel": "training_completion",
            "name": "began",
            "label_en": "Began",
            "label_es": "Empezada",
            "description_en": "Began a training, at most 14 days after the step “Offered”.",
            "description_es": "Empezó una capacitación, a más tardar 14 días después del paso «Ofrecida»."
        },
        {
            "kind": "funnel_step",
            "funnel": "training_completion",
            "name": "completed",
            "label_en": "Completed",
            "label_es": "Completada",
            "description_en": "Completed a training, at most 14 days after the step “Began”.",
            "description_es": "Completó una capacitación, a más tardar 14 días después del paso «Empezada»."
        },
        {
            "kind": "funnel_step",
            "funnel": "training_completion",
            "name": "valid_day_after",
            "label_en": "Valid LIVE day after it",
            "label_es": "Día LIVE válido después",
            "description_en": "Valid LIVE day, at most 14 days after the step “Completed”.",
            "description_es": "Día LIVE válido, a más tardar 14 días después del paso «Completada»."
        }
    ]) }}
{%- endmacro %}
