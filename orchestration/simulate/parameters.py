"""The numbers behind the simulated LATAM LIVE world.

What lives here: constants only: markets and their time zones, agencies, words for names and titles,
rates of the funnel, of behaviour, of audience and of dirt. What may not: code that draws anything.
Agencies and handles are invented. Shares and rates are chosen to look like the field's (bending
retention, heavy tails, evening peaks); they are not estimates of any platform. Which shapes were
calibrated on real sessions is told, and shown, by `bench/calibration.py`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Market:
    """A country in which creators are, with its time zones and languages."""

    market: str
    share: float
    zones: tuple[tuple[str, float], ...]
    """IANA names with their share of the market's creators; the first is the market's own zone."""
    languages: tuple[tuple[str, float], ...]
    second_platform: str
    """Where a show runs at the same time when a creator casts to two platforms."""


MARKETS = (
    Market(
        "MX",
        0.32,
        (
            ("America/Mexico_City", 0.77),
            ("America/Monterrey", 0.09),
            ("America/Tijuana", 0.07),
            ("America/Hermosillo", 0.04),
            ("America/Cancun", 0.03),
        ),
        (("es", 1.0),),
        "kwai",
    ),
    Market(
        "BR",
        0.21,
        (
            ("America/Sao_Paulo", 0.86),
            ("America/Manaus", 0.11),
            ("America/Rio_Branco", 0.03),
        ),
        (("pt", 1.0),),
        "kwai",
    ),
    Market("CO", 0.14, (("America/Bogota", 1.0),), (("es", 1.0),), "kwai"),
    Market("AR", 0.10, (("America/Argentina/Buenos_Aires", 1.0),), (("es", 1.0),), "youtube"),
    Market("PE", 0.08, (("America/Lima", 1.0),), (("es", 1.0),), "kwai"),
    Market(
        "CL",
        0.06,
        (("America/Santiago", 0.96), ("America/Punta_Arenas", 0.04)),
        (("es", 1.0),),
        "youtube",
    ),
    Market(
        "ES",
        0.05,
        (("Europe/Madrid", 0.95), ("Atlantic/Canary", 0.05)),
        (("es", 1.0),),
        "youtube",
    ),
    # Hispanic creators of the United States.
    Market(
        "US",
        0.04,
        (
            ("America/New_York", 0.32),
            ("America/Los_Angeles", 0.31),
            ("America/Chicago", 0.25),
            ("America/Denver", 0.07),
            ("America/Phoenix", 0.05),
        ),
        (("es", 0.72), ("en", 0.28)),
        "youtube",
    ),
)

MARKETS_WHOSE_ZONE_MAY_BE_EMPTY = ("CO", "AR", "PE")
"""One zone only: an empty time zone falls back to the market's and the local day stays true."""

PLATFORMS = ("tiktok", "kwai", "youtube")
FIRST_PLATFORM_SHARE = 0.88
"""Of creators whose main platform is the first; the others' is their market's second."""
LANGUAGES = ("es", "pt", "en")


@dataclass(frozen=True)
class Agency:
    """An invented agency. `weight` is its pull on creators of its market."""

    name: str
    market: str
    weight: float
    tier: str
    commission: int
    """In hundredths: 18 is a rate of 0.18."""


AGENCIES = (
    Agency("Alebrije Studio", "MX", 9.0, "gold", 15),
    Agency("Jacarandá en Vivo", "MX", 6.0, "gold", 18),
    Agency("Nopal Creativo", "MX", 4.0, "silver", 20),
    Agency("Agencia Ámbar, S. de R.L.", "MX", 3.0, "silver", 20),
    Agency('Colectivo "La Marimba"', "MX", 2.0, "bronze", 22),
    Agency("Cenote Talento", "MX", 1.5, "bronze", 25),
    Agency("Papalote LIVE", "MX", 1.0, "bronze", 25),
    Agency("Ipê Roxo Criadores", "BR", 8.0, "gold", 14),
    Agency("Maré Alta Produções", "BR", 5.0, "silver", 18),
    Agency("Tucano & Cia", "BR", 3.0, "silver", 20),
    Agency("Cajuína Talentos", "BR", 1.5, "bronze", 24),
    Agency("Sertão ao Vivo", "BR", 1.0, "bronze", 26),
    Agency("Guayacán Digital", "CO", 6.0, "gold", 16),
    Agency("Cafetal Creadores", "CO", 3.0, "silver", 20),
    Agency("Chiva Rumbera", "CO", 1.5, "bronze", 24),
    Agency("Bandoneón LIVE", "AR", 5.0, "silver", 18),
    Agency("Ñandú Producciones", "AR", 3.0, "silver", 21),
    Agency("Glaciar Azul", "AR", 1.0, "bronze", 25),
    Agency("Cantuta Talento", "PE", 4.0, "silver", 19),
    Agency("Zampoña Digital", "PE", 2.0, "bronze", 23),
    Agency("Qantu Estudio", "PE", 1.0, "bronze", 25),
    Agency("Copihue Creativo", "CL", 4.0, "silver", 19),
    Agency("Araucaria en Vivo", "CL", 2.0, "bronze", 23),
    Agency("Azulejo Creadores", "ES", 4.0, "gold", 16),
    Agency("Tramontana LIVE", "ES", 2.0, "silver", 20),
    Agency("Drago Talento", "ES", 1.0, "bronze", 24),
    Agency("Puente Norte Media", "US", 3.0, "silver", 17),
    Agency("Calle Ocho Collective", "US", 2.0, "bronze", 20),
)
AGENCY_TIERS = ("bronze", "silver", "gold")
IN_AGENCY_SHARE = 0.60
MANAGERS_PER_AGENCY = 4
AGENCY_TRANSFERS_PER_WEEK = 0.002
AGENCY_CHANGE_RAISES_TIER = 0.4
MARKET_MOVES_PER_WEEK = 0.0003
"""Of those who are going on, how many move to another market (and leave their agency) a week."""
AGENCY_CHANGES_PER_MONTH = 1.5
"""How many agencies renegotiate their commission in thirty days, over all of them."""

CATEGORIES = (
    ("talk", 0.24),
    ("music", 0.19),
    ("gaming", 0.18),
    ("dance", 0.12),
    ("cooking", 0.09),
    ("beauty", 0.07),
    ("education", 0.06),
    ("sports", 0.05),
)
ACQUISITION_SOURCES = (
    ("organic_app", 0.34),
    ("agency_scout", 0.30),
    ("referral", 0.18),
    ("paid_social", 0.13),
    ("event", 0.05),
)
SOURCE_CONVERSION = (0.92, 1.06, 1.12, 0.86, 1.04)
"""What each acquisition source multiplies the conversion of a funnel step with."""

STATUSES = ("applied", "approved", "active", "paused", "left", "banned")
TIERS = (0, 40_000, 80_000, 150_000, 300_000, 500_000, 800_000, 1_200_000)
"""Diamonds of the calendar month from which a tier starts; names are `rank_0` to `rank_7`."""

# ---- who is there, and who gets as far as a first LIVE -------------------------------
EXISTING_SHARE = 0.45
EXISTING_JOINED_WITHIN_DAYS = 400
EXISTING_STATE_SHARES = (0.78, 0.09, 0.125, 0.005)
"""At the start: on, paused, left, banned."""
APPROVED_RATE = 0.78
TRAINED_RATE = 0.76
FIRST_LIVE_RATE = 0.74
APPROVAL_MEDIAN_DAYS = 2.0
TRAINING_MEDIAN_DAYS = 3.0
FIRST_LIVE_MEDIAN_DAYS = 2.5
DELAY_SIGMA = 0.8
UNKNOWN_COUNTRY_SHARE = 0.005
EMPTY_ZONE_SHARE = 0.04

# ---- staying, pausing, coming back ---------------------------------------------------
# Each creator's weekly probability of going on is drawn from a beta distribution (mean 0.83): those
# who leave early leave fast, those who stay look ever more loyal, so that retention curves bend.
CONTINUATION_ALPHA = 3.0
CONTINUATION_BETA = 0.6
PAUSE_SHARE = 0.35
"""Of those who do not go on, how many pause (and mostly return) instead of leaving."""
BAN_SHARE = 0.015
PAUSED_RETURNS_PER_WEEK = 0.25
PAUSED_LEAVES_PER_WEEK = 0.06
LEFT_RETURNS_PER_WEEK = 0.006

# ---- the rhythm of shows -------------------------------------------------------------
SHOWS_PER_WEEK_SHAPE = 2.6
SHOWS_PER_WEEK_MEAN = 3.8
WEEKDAY_WEIGHTS = (0.85, 0.90, 0.95, 1.05, 1.25, 1.30, 1.10)
"""Monday to Sunday."""
SECOND_SHOW_WEIGHT = 0.07
"""A second show on the same day, against the main one."""
SECOND_SHOW_EARLIER_HOURS = 6.5
HABIT_HOURS = ((0.66, 20.3, 1.1), (0.20, 15.0, 2.0), (0.14, 22.8, 1.3))
"""Share, mean and spread (hours) of the usual local start: evening, afternoon, night."""
START_SPREAD_HOURS = 0.6
OFF_HABIT_SHARE = 0.15
"""Main shows at any hour of the waking day instead of near the usual one."""
OFF_HABIT_HOURS = (6.0, 26.0)
DAY_HABIT_SIGMA = 0.75
"""How much more a creator likes some weekdays than others (of the log of their weights)."""
DAY_HABITS = 1_024
"""How many such likings there are; a creator has one of them for good."""
SHOW_MEDIAN_SECONDS = 5_400
SHOW_SIGMA_CREATOR = 0.33
SHOW_SIGMA = 0.48
SHOW_MIN_SECONDS = 90
SHOW_MAX_SECONDS = 12 * 3_600
MARATHON_RATE = 0.0006
"""Shows that were never ended: over 24 hours, hard to believe and kept."""
MARATHON_HOURS = (24.5, 40.0)
MARATHON_STATIC_RATE = 0.6
REST_SECONDS = 600
"""Nobody is LIVE again sooner than this after the last show."""
STATIC_RATE = 0.015
TWO_PLATFORM_CREATOR_SHARE = 0.08
TWO_PLATFORM_SHOW_SHARE = 0.55
TWO_PLATFORM_AUDIENCE = 0.35


# ---- days that are not like others ---------------------------------------------------
@dataclass(frozen=True)
class Holiday:
    """A day, or some days in a row, on which a market's creators and viewers do something else.

    Attributes:
        name: For the truth.
        markets: Where it is kept.
        day: `MM-DD`; `MM weekday nth` of the month (0 is Monday); or `easter` and days after it.
        shows: What a creator's wish to be LIVE on such a day is multiplied with.
        audience: What a show's audience is multiplied with.
        days: How many in a row.
    """

    name: str
    markets: tuple[str, ...]
    day: str
    shows: float
    audience: float
    days: int = 1


_ALL = tuple(market.market for market in MARKETS)
_SPANISH = tuple(market for market in _ALL if market != "BR")
HOLIDAYS = (
    Holiday("new_year", _ALL, "01-01", 0.55, 1.05),
    Holiday("epiphany", ("ES", "MX"), "01-06", 0.80, 1.00),
    Holiday("carnival", ("BR",), "easter -51", 0.55, 0.80, days=5),
    Holiday("carnival", ("AR",), "easter -48", 0.80, 0.95, days=2),
    Holiday("holy_week", _SPANISH, "easter -3", 0.70, 0.90, days=3),
    Holiday("holy_week", ("BR",), "easter -2", 0.75, 0.95),
    Holiday("easter", _ALL, "easter +0", 0.80, 1.00),
    Holiday("labor_day", tuple(m for m in _ALL if m != "US"), "05-01", 0.90, 1.10),
    Holiday("mothers_day", ("MX",), "05-10", 0.65, 1.10),
    Holiday("mothers_day", ("ES",), "05 6 1", 0.80, 1.05),
    Holiday("mothers_day", ("BR", "CO", "PE", "CL", "US"), "05 6 2", 0.70, 1.10),
    Holiday("mothers_day", ("AR",), "10 6 3", 0.70, 1.10),
    Holiday("may_revolution", ("AR",), "05-25", 0.85, 1.05),
    Holiday("saint_john", ("BR",), "06-24", 0.85, 1.00),
    Holiday("national_day", ("US",), "07-04", 0.70, 0.90),
    Holiday("national_day", ("AR",), "07-09", 0.80, 1.05),
    Holiday("national_day", ("CO",), "07-20", 0.80, 1.05),
    Holiday("national_day", ("PE",), "07-28", 0.65, 1.05, days=2),
    Holiday("national_day", ("BR",), "09-07", 0.85, 1.05),
    Holiday("national_day", ("MX",), "09-15", 0.60, 0.95, days=2),
    Holiday("national_day", ("CL",), "09-18", 0.50, 0.85, days=2),
    Holiday("national_day", ("ES",), "10-12", 0.85, 1.05),
    Holiday("our_lady_of_aparecida", ("BR",), "10-12", 0.85, 1.05),
    Holiday("day_of_the_dead", ("MX",), "11-01", 0.85, 1.20, days=2),
    Holiday("all_saints", ("ES", "PE", "CL"), "11-01", 0.90, 1.05),
    Holiday("all_souls", ("BR",), "11-02", 0.90, 1.00),
    Holiday("thanksgiving", ("US",), "11 3 4", 0.60, 0.90),
    Holiday("little_candles", ("CO",), "12-07", 0.75, 1.00, days=2),
    Holiday("immaculate_conception", ("AR", "CL", "ES", "PE"), "12-08", 0.90, 1.05),
    Holiday("guadalupe", ("MX",), "12-12", 0.85, 1.05),
    Holiday("christmas_eve", _ALL, "12-24", 0.35, 0.80),
    Holiday("christmas", _ALL, "12-25", 0.60, 1.10),
    Holiday("new_years_eve", _ALL, "12-31", 0.35, 0.75),
)
"""Dates of law and custom; those of public holidays were held against the package `holidays` 0.109
for 2025 to 2027. A table, since half of what moves people (mother's day, carnival in Brazil) is no
public holiday, and since a decree that the package learns of must not change the bytes of a world.
How much they move is judgement."""

# ---- audience and gifts --------------------------------------------------------------
AUDIENCE_LOG_MEAN = 1.9
AUDIENCE_TALENT = 1.2
AUDIENCE_STAR = 0.55
"""On top of talent for those above the middle: the few have more than their share."""
AUDIENCE_SIGMA = 0.45
DIAMONDS_PER_GIFTER_LOG_MEAN = 3.6
DIAMONDS_PER_GIFTER_SIGMA = 1.4
FOLLOWERS_LOG_MEAN = 6.2
FOLLOWERS_SIGMA = 1.6
FOLLOWER_CHANGE_REPORTED = 0.01
"""Follower counts are refreshed once a week, where they grew by more than this share."""

# ---- dirt: shares of the true sessions -----------------------------------------------
DUPLICATE_RATE = 0.005
RESTATED_RATE = 0.010
RESTATED_PART = (0.33, 0.9)
"""Of the whole show, where a first version ends."""
OPEN_FIRST_RATE = 0.010
LATE_RATE = 0.010
LATE_DAYS = (2, 10)
IMPOSSIBLE_RATE = 0.004
IMPOSSIBLE_CAP_OF_FILE = 0.02
TOO_LATE_RATE = 0.001
TOO_LATE_DAYS = (40, 60)
"""Between the day of the event and its arrival; the default lateness horizon is 35 days."""
TOO_LATE_MIN_SESSIONS_A_DAY = 60
"""Below this size one refused row could be more of a file than its contract tolerates."""
MISSING_DAY_RATE = 0.02
CORRECTED_FILE_RATE = 0.04
"""Of arrival days of `live_sessions`; the first ten are as they should be."""
FIRST_DAY_THAT_MAY_FAIL = 11
CORRECTED_ROW_RATE = 0.06
CLOCK_SKEW_RATE = 0.45
"""How often the clock of a platform other than the first is ahead, for three weeks."""
CLOCK_SKEW_WEEKS = 3
CLOCK_SKEW_SECONDS = (120, 540)
"""Less than the rest between two shows: a clock that is set right makes none overlap."""
BOT_LIKE_RATE = 0.004
BOT_LIKE_HOURS = (5.0, 11.0)
UNIT_CHANGE_FROM_ARRIVAL = 40
"""From this arrival day on `viewer_seconds` of `live_sessions` are thousandths of seconds."""
UNIT_CHANGE_FACTOR = 1_000
DRIFT_FROM_ARRIVAL = 30
"""From this arrival day on, files of `live_sessions` carry a column that no contract knows."""
DRIFT_COLUMN = "capture_quality"
DRIFT_VALUES = ("hd", "sd", "auto")

# ---- words ---------------------------------------------------------------------------
HANDLE_NOUNS = (
    "luna", "sol", "colibri", "jaguar", "nube", "canela", "guayaba", "mango", "pixel", "bruma",
    "lobo", "abeja", "delfin", "puma", "trueno", "cacao", "rio", "palma", "tigre", "estrella",
    "kiwi", "panda", "zorro", "faro", "limon", "roca", "nieve", "coral", "jade", "chispa",
)  # fmt: skip
HANDLE_WORDS = (
    "viva", "libre", "dulce", "brava", "feliz", "nocturna", "azul", "loca", "serena", "alegre",
    "dorada", "rapida", "salvaje", "del_sur", "del_norte", "en_casa", "musical",
    "gamer", "total", "real",
)  # fmt: skip
TITLES = {
    "es": (
        "¡Buenas noches, familia!",
        "Charlamos un rato ✨",
        'Peticiones y "saludos"',
        "Directo de hoy: preguntas, respuestas y más",
        "Reto de la semana 🔥",
        "Un cafecito y plática",
        "Hoy estreno, no te lo pierdas",
        "Mañana, tarde y noche aquí andamos",
    ),
    "pt": (
        "Boa noite, minha gente!",
        "Bora conversar ✨",
        'Pedidos e "alôs"',
        "Ao vivo de hoje: perguntas, respostas e mais",
        "Desafio da semana 🔥",
        "Cafezinho e conversa",
        "Hoje tem estreia, não perca",
        "Manhã, tarde e noite por aqui",
    ),
    "en": (
        "Good evening, everyone!",
        "Just chatting ✨",
        'Requests and "shout-outs"',
        "Today: questions, answers, and more",
        "Challenge of the week 🔥",
        "Coffee and talk",
        "Something new tonight",
        "Morning, noon and night",
    ),
}
TITLES_PER_LANGUAGE = 8
TITLE_EMPTY_RATE = 0.05
SESSION_CATEGORY_IS_TALK_RATE = 0.15
SESSION_CATEGORY_EMPTY_RATE = 0.02

# ---- gifts ---------------------------------------------------------------------------
GIFTS = (
    ("Rosa", 1),
    ("Corazón", 5),
    ("Mango dulce", 10),
    ("Café de olla", 30),
    ("Serenata", 99),
    ("Papel picado", 199),
    ("Colibrí", 500),
    ("Jaguar dorado", 1_000),
    ("Carroza de carnaval", 2_988),
    ("Cóndor andino", 10_000),
    ("Pirámide del sol", 34_999),
)
"""Name and list price in diamonds, by price; the first costs one: so every sum can be given."""
DEAREST_GIFT_RATE = 0.55
"""How many take the dearest gift that they can pay; of the others, as many the next, and so on."""
FANS_LEAST = 8
FANS_PER_VIEWER = 0.5
FANS_RETURN_POWER = 2.5
"""The greater, the more often the same few of a creator's fans are a session's gifters."""
CLOSENESS_POWER = 0.5
GIFTER_SIGMA = 1.3
GUEST_GIFTER_SHARE = 0.12
GUEST_GIFTERS = 200_000
"""Viewers who give to whomever they meet."""
SENDER_EMPTY_RATE = 0.01

# ---- polls ---------------------------------------------------------------------------
POLLED_LEAST_CREATORS = 80
"""Of fewer creators there are nights without a poll, which look as if the poller had been off."""

# ---- material and measures -----------------------------------------------------------
ASSETS = (
    ("overlay", "overlay_fiesta", ""),
    ("overlay", "overlay_meta_de_diamantes", "es"),
    ("overlay", "overlay_diamond_goal", "en"),
    ("script", "guion_primer_live", "es"),
    ("script", "script_first_live", "en"),
    ("script", "guion_partidas", "es"),
    ("guide", "guia_luz_y_sonido", "es"),
    ("guide", "guide_light_and_sound", "en"),
    ("template", "plantilla_calendario_semanal", "es"),
    ("template", "template_weekly_schedule", "en"),
    ("banner", "banner_hoy_en_vivo", "es"),
    ("banner", "banner_live_tonight", "en"),
    ("video", "video_como_retener_espectadores", "es"),
    ("video", "video_keeping_viewers", "en"),
)
"""Kind, id and language; "" where the asset has no words in it."""
ASSET_USES_PER_WEEK = 0.12
"""Of a creator who was LIVE in the week."""
ASSET_USES_PER_FIRST_WEEK = 0.9
"""Of a creator whose training ended up to `ASSET_FIRST_WEEKS` ago."""
ASSET_FIRST_WEEKS = 3
ASSET_IN_ENGLISH_RATE = {"es": 0.08, "pt": 0.45, "en": 0.90}
"""There is material in Spanish and in English; the others take what they read better."""
MEASURES_PER_SESSION = 0.0008
MEASURES_PER_STATIC_SESSION = 0.05
SEVERITIES = ("warning", "restriction", "suspension", "ban")
SEVERITY_SHARES = (0.72, 0.21, 0.07)
"""Of measures on one session. A ban is never drawn here: it follows who was banned."""
STATIC_POLICY = 0
POLICIES = (
    "Static or idle LIVE",
    "Contenido de bajo valor",
    "Spam o interacción artificial",
    "Música sin licencia",
    "Lenguaje ofensivo",
    "Dangerous acts",
    "Undisclosed promotion",
)

# ---- matches ---------------------------------------------------------------------------
NEVER_MATCH_SHARE = 0.35
"""Of creators."""
MATCHES_PER_HOUR = 1.1
"""Of LIVE, for those who fight at all; some fight all evening."""
MATCH_DIAMONDS_SHARES = (0.2, 0.7)
"""Of the diamonds of a session with a match: the least and the most that come in matches."""
