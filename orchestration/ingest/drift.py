"""How a day differs in kind from the good days before it: columns, types, nulls, words, units.

What lives here: the comparison of a day's profile with earlier ones, and the sentences that name
what it finds. What may not: I/O, and judgement on volumes (`checks.shift`) or on rows (`check`).

The *baseline* of a column is made of the last good days before this one in the order of arrival
days: up to `BASELINE_DAYS` accepted days that did not drift in the same respect. It begins anew
where a person accepted a drift as the new normal, and by itself where a drift that only warns has
stood for `SETTLED_DAYS` days: what is told every day is not read. Without a baseline there is no
drift, except for a column that the contract does not know.

All bounds are in this module, with the reason for each. They hold days that a feed has of its own
(weekends, campaigns, few rows) apart from a change in what a column means; measured in
`tests/unit/ingest/test_drift_in_real_data.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from statistics import median

from orchestration.contracts.drift_rules import DriftKind
from orchestration.contracts.loader import MASK, Column, FeedContract
from orchestration.ingest.profile import QUANTILES, ColumnProfile, Profile
from orchestration.ingest.reasons import KIND_WORDS
from orchestration.ingest.results import DriftFinding

LOOKBACK_DAYS = 62
"""Accepted days that are looked at for words: what comes once a month is not new. For the rest:"""

_LOOKBACK_DAYS = 28
"""A fortnight of good days beside a fortnight of bad ones."""

BASELINE_DAYS = 14
"""Two of each day of the week."""

SETTLED_DAYS = 7
MIN_DAYS = 3
"""Fewer days do not show how much a column moves by itself."""

# --- shares of nulls and of unreadable values
_MIN_SHARE_ROWS = 30
_MIN_BASELINE_ROWS = 100
_MIN_SHARE_MOVE = 0.05
"""A move of less than five points is left to expectations: it changes no meaning."""
_SHARE_SIGMAS = 6.0

# --- numbers
UNIT_FACTORS = (60.0, 100.0, 1_000.0, 3_600.0, 86_400.0, 1_000_000.0)
MIN_MEASURED = 20
_MIN_BASELINE_MEASURED = 60
_MIN_DAY_MEASURED = 5
_MIN_DISTRIBUTION_MEASURED = 50
_TOLERANCE = math.log(3.0)
"""How far one quantile may lie from the common factor. The smallest factor, 60, is log(4.1)."""
_MAX_TOLERANCE = math.log(8.0)
_UNIT_SIGMAS = 6.0
_DISTRIBUTION_SIGMAS = 6.0
_DISTRIBUTION_MOVE = math.log(4.0)
_SPREAD_FLOOR = 0.15
_SMALLEST_TRUSTED_INTEGER = 3.0
# p05 is one or two rows of a small day, so it is kept but not judged.
_JUDGED = tuple(range(1, len(QUANTILES)))
_MEDIAN = QUANTILES.index(0.5)
# Standard error of a quantile of n values in units of the spread: sqrt(p (1 - p)) / density.
_ERROR = (2.1, 1.4, 1.25, 1.4, 2.1)
_RANGE_IN_SIGMAS = 3.3

# --- vocabularies
_MIN_VOCABULARY_ROWS = 50
_MIN_OPEN_SHARE = 0.05
"""An open vocabulary has new words every day; one that takes a twentieth of the rows is news."""
_OPEN_RATE = 0.001
_SHOWN_WORDS = 5
_SHOWN_WORD_LENGTH = 40

# --- types
_NUMBERS_FROM = 0.95
_MIN_TYPED_VALUES = 20

_ASPECTS: Mapping[DriftKind, str] = {
    "new_column": "presence",
    "vanished_column": "presence",
    "changed_type": "type",
    "null_share": "nulls",
    "new_category": "words",
    "changed_unit": "numbers",
    "changed_distribution": "numbers",
}

_DELIVERED_WORDS: Mapping[str, tuple[str, str]] = {
    "integer": ("whole numbers", "números enteros"),
    "decimal": ("decimal numbers", "números decimales"),
    "boolean": ("true or false", "verdadero o falso"),
    "date": ("dates", "fechas"),
    "timestamp": ("timestamps without a zone", "fechas y horas sin zona"),
    "timestamp_tz": ("timestamps with a zone", "fechas y horas con zona"),
    "text": ("text", "texto"),
    "nested": ("lists or objects", "listas u objetos"),
}

_UNIT_WORDS: Mapping[float, tuple[str, str]] = {
    60.0: ("minutes and seconds, or hours and minutes", "minutos y segundos, u horas y minutos"),
    100.0: (
        "dollars and cents, or shares and percents",
        "dólares y centavos, o proporciones y porcentajes",
    ),
    1_000.0: (
        "seconds and milliseconds, or ones and thousands",
        "segundos y milisegundos, o unidades y miles",
    ),
    3_600.0: ("hours and seconds", "horas y segundos"),
    86_400.0: ("days and seconds", "días y segundos"),
    1_000_000.0: (
        "seconds and microseconds, or ones and millions",
        "segundos y microsegundos, o unidades y millones",
    ),
}


def aspect(kind: DriftKind) -> str:
    """In which respect a kind of drift changes a column; kinds of one respect share a baseline."""
    return _ASPECTS[kind]


@dataclass(frozen=True, slots=True)
class PastDay:
    """An accepted day before this one.

    `drifted` has the last good day of each (kind, column) that was told that day and that nobody
    accepted.
    """

    day: date
    profile: Profile
    drifted: Mapping[tuple[DriftKind, str], date | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A person said that what drifted on a day is the new normal, and why."""

    feed: str
    day: date
    kind: DriftKind
    column: str
    because: str
    accepted_at: datetime


@dataclass(frozen=True, slots=True)
class _Told:
    """What was found, before the contract decides about it."""

    kind: DriftKind
    column: str
    en: str
    es: str


def compare(
    contract: FeedContract,
    day: date,
    today: Profile,
    history: Sequence[PastDay],
    acceptances: Collection[Acceptance],
) -> tuple[DriftFinding, ...]:
    """Name what drifted on a day.

    Args:
        contract: The feed's contract, which says what each kind of drift does.
        day: The arrival day.
        today: Its profile.
        history: Accepted days before it, the latest first.
        acceptances: What people accepted for this feed.

    Returns:
        The findings by kind and column; those that the contract ignores are left out.
    """
    past = _Past(day, history, acceptances)
    found = list(_find(contract, today, past))
    accepted = {(each.kind, each.column) for each in acceptances if each.day == day}
    findings = []
    for told in found:
        action = contract.drift_action(told.kind, told.column)
        if action == "ignore":
            continue
        good = past.good(told.kind, told.column)
        findings.append(
            DriftFinding(
                kind=told.kind,
                column=told.column,
                action="accepted" if (told.kind, told.column) in accepted else action,
                what_en=told.en,
                what_es=told.es,
                last_good_day=good[0].day if good else None,
            )
        )
    return tuple(sorted(findings, key=lambda finding: (finding.kind, finding.column)))


class _Past:
    """The good days before a day, column by column."""

    def __init__(
        self, day: date, history: Sequence[PastDay], acceptances: Collection[Acceptance]
    ) -> None:
        self._history = history[:LOOKBACK_DAYS]
        self._has_drifted = any(past.drifted for past in self._history[:_LOOKBACK_DAYS])
        self._begins: dict[tuple[str, str], date] = {}
        for each in acceptances:
            key = (aspect(each.kind), each.column)
            if each.day < day:
                self._begins[key] = max(each.day, self._begins.get(key, date.min))

    def good(self, kind: DriftKind, column: str) -> list[PastDay]:
        """The baseline of a column in the respect of a kind, the latest day first."""
        respect = aspect(kind)
        if respect == "words":
            # A word that was told once is known; days of new words are good days for the rest.
            return list(self._history)
        begin = self._begins.get((respect, column), date.min)
        days = [past for past in self._history[:_LOOKBACK_DAYS] if past.day >= begin]
        if not self._has_drifted:
            return days[:BASELINE_DAYS]

        def is_good(past: PastDay) -> bool:
            # What was told against a day before an accepted one is what was accepted.
            return not any(
                aspect(told) == respect and name == column and (good or date.min) >= begin
                for (told, name), good in past.drifted.items()
            )

        standing = 0
        while standing < len(days) and not is_good(days[standing]):
            standing += 1
        if standing >= SETTLED_DAYS:
            return days[:standing][:BASELINE_DAYS]
        return [past for past in days if is_good(past)][:BASELINE_DAYS]

    def columns(self, kind: DriftKind, column: str) -> list[ColumnProfile]:
        """The profiles of a column on its good days that had it."""
        return [
            past.profile.columns[column]
            for past in self.good(kind, column)
            if column in past.profile.columns
        ]


def _find(contract: FeedContract, today: Profile, past: _Past) -> Iterator[_Told]:
    yield from _new_columns(today, past)
    yield from _vanished_columns(contract, today, past)
    judges: tuple[tuple[DriftKind, Callable[[Column, ColumnProfile, _Past], _Told | None]], ...] = (
        ("changed_type", _changed_type),
        ("null_share", _null_share),
        ("new_category", _new_category),
        ("changed_unit", _changed_numbers),
    )
    for column in contract.columns:
        profile = today.columns.get(column.name)
        if profile is None:
            continue
        for kind, judge in judges:
            if kind in dict(column.drift):
                told = judge(column, profile, past)
                if told is not None:
                    yield told


# --- columns --------------------------------------------------------------------------------


def _new_columns(today: Profile, past: _Past) -> Iterator[_Told]:
    for name in today.unknown:
        good = past.good("new_column", name)
        if good and name in good[0].profile.unknown:
            continue
        shown = _shown(name)
        yield _Told(
            "new_column",
            name,
            f"The contract does not know the column {shown}; its values are kept in _extra.",
            f"El contrato no conoce la columna {shown}; sus valores se conservan en _extra.",
        )


def _vanished_columns(contract: FeedContract, today: Profile, past: _Past) -> Iterator[_Told]:
    if not today.columns:
        return
    for column in contract.columns:
        if column.must_be_present or column.name in today.columns:
            continue
        good = past.good("vanished_column", column.name)
        if good and column.name in good[0].profile.columns:
            yield _Told(
                "vanished_column",
                column.name,
                f"The column {column.name} is missing from every file of the day.",
                f"La columna {column.name} falta en todos los archivos del día.",
            )


# --- types ----------------------------------------------------------------------------------


def _changed_type(column: Column, today: ColumnProfile, past: _Past) -> _Told | None:
    before = past.columns("changed_type", column.name)
    if not before:
        return None
    return (
        _other_type_in_file(column, today, before)
        or _other_look_of_text(column, today, before)
        or _unreadable(column, today, before)
    )


def _other_type_in_file(
    column: Column, today: ColumnProfile, before: Sequence[ColumnProfile]
) -> _Told | None:
    """The file itself says another type than the last files of its format did."""
    for format_, delivered in today.delivered.items():
        earlier = {each.delivered[format_] for each in before if format_ in each.delivered}
        if not earlier or delivered in earlier or not today.given_count + today.unreadable_count:
            continue
        was = next(each.delivered[format_] for each in before if format_ in each.delivered)
        now_words, was_words = _DELIVERED_WORDS[delivered], _DELIVERED_WORDS[was]
        return _Told(
            "changed_type",
            column.name,
            f"{column.name} comes as {now_words[0]} in {format_}; before, as {was_words[0]}.",
            f"{column.name} llega como {now_words[1]} en {format_}; antes, como {was_words[1]}.",
        )
    return None


def _other_look_of_text(
    column: Column, today: ColumnProfile, before: Sequence[ColumnProfile]
) -> _Told | None:
    """A column of text is full of numbers at once, or no longer: ids were made anew."""
    shares = [
        each.number_share
        for each in before
        if each.number_share is not None and each.given_count >= _MIN_TYPED_VALUES
    ]
    if today.number_share is None or today.given_count < _MIN_TYPED_VALUES or not shares:
        return None
    were_numbers = {share >= _NUMBERS_FROM for share in shares}
    are_numbers = today.number_share >= _NUMBERS_FROM
    if were_numbers != {not are_numbers} or abs(today.number_share - median(shares)) < 0.5:  # noqa: PLR2004 - half of the values
        return None
    en, es = ("text", "texto") if not are_numbers else ("numbers", "números")
    return _Told(
        "changed_type",
        column.name,
        f"{column.name} holds {en} now: {today.number_share:.0%} of its values are numbers; "
        f"before, {median(shares):.0%}.",
        f"{column.name} trae ahora {es}: el {today.number_share:.0%} de sus valores son números; "
        f"antes, el {median(shares):.0%}.",
    )


def _unreadable(
    column: Column, today: ColumnProfile, before: Sequence[ColumnProfile]
) -> _Told | None:
    """Values that the contract's type cannot hold became many."""
    moved = _moved_share(
        today.unreadable_share,
        today.row_count,
        [(each.unreadable_share, each.row_count) for each in before],
    )
    if moved is None or today.unreadable_share <= moved.usual:
        return None
    kind_en, kind_es = KIND_WORDS[column.kind]
    return _Told(
        "changed_type",
        column.name,
        f"{today.unreadable_share:.1%} of the values of {column.name} cannot be read as "
        f"{kind_en}; before, {moved.usual:.1%}.",
        f"El {today.unreadable_share:.1%} de los valores de {column.name} no se puede leer como "
        f"{kind_es}; antes, el {moved.usual:.1%}.",
    )


# --- nulls ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Move:
    usual: float
    least: float
    most: float
    days: int


def _moved_share(share: float, row_count: int, before: Sequence[tuple[float, int]]) -> _Move | None:
    """Whether a share lies outside of what its good days, and chance, allow.

    Three bounds must all be passed: five points beyond every good day (a weekly rhythm has its
    extremes there), and six standard errors, made of the binomial error of today's rows and the
    robust spread of the days (which rows of one source share).
    """
    before = [(each, rows) for each, rows in before if rows]
    rows = sum(rows for _, rows in before)
    if len(before) < MIN_DAYS or row_count < _MIN_SHARE_ROWS or rows < _MIN_BASELINE_ROWS:
        return None
    shares = [each for each, _ in before]
    usual = median(shares)
    least, most = min(shares), max(shares)
    beyond = max(share - most, least - share)
    if beyond < _MIN_SHARE_MOVE:
        return None
    # Half a row more and less: a share of nought in a few rows is not known to be nought.
    pooled = (sum(each * count for each, count in before) + 0.5) / (rows + 1)
    chance = pooled * (1 - pooled) * (1 / row_count + 1 / rows)
    spread = 1.4826 * median(abs(each - usual) for each in shares)
    if abs(share - usual) < _SHARE_SIGMAS * math.sqrt(chance + spread * spread):
        return None
    return _Move(usual, least, most, len(before))


def _null_share(column: Column, today: ColumnProfile, past: _Past) -> _Told | None:
    before = [(each.null_share, each.row_count) for each in past.columns("null_share", column.name)]
    moved = _moved_share(today.null_share, today.row_count, before)
    if moved is None:
        return None
    return _Told(
        "null_share",
        column.name,
        f"{column.name} is empty in {today.null_share:.1%} of {today.row_count:,} rows; on the "
        f"{moved.days} good days before, in {moved.usual:.1%} ({moved.least:.1%} to "
        f"{moved.most:.1%}).",
        f"{column.name} está vacío en el {today.null_share:.1%} de {today.row_count:,} filas; en "
        f"los {moved.days} días buenos anteriores, en el {moved.usual:.1%} (de {moved.least:.1%} a "
        f"{moved.most:.1%}).",
    )


# --- words ----------------------------------------------------------------------------------


def _new_category(column: Column, today: ColumnProfile, past: _Past) -> _Told | None:
    """Words that no day looked at had.

    How open a vocabulary is, its own days tell (Good and Turing): the share of rows whose word
    occurs once in all of them is the share that new words will have. Where it is next to nothing,
    one row of a new word is drift; where it is not, only a word that takes a large share at once.
    """
    before = past.columns("new_category", column.name)
    known = [each.words for each in before if each.words is not None]
    counts: dict[str, int] = {}
    for words in known:
        for word, count in words.items():
            counts[word] = counts.get(word, 0) + count
    rows = sum(counts.values())
    if today.words is None or len(known) < MIN_DAYS or rows < _MIN_VOCABULARY_ROWS:
        return None
    new = {word: count for word, count in today.words.items() if word not in counts}
    # A closed list is closed whatever its days had; a day of too many words shows an open one.
    is_open = column.allowed is None and (
        len(known) < len(before) or sum(count == 1 for count in counts.values()) > _OPEN_RATE * rows
    )
    if is_open:
        total = sum(today.words.values())
        new = {
            word: count
            for word, count in new.items()
            if total >= _MIN_VOCABULARY_ROWS and count >= _MIN_OPEN_SHARE * total
        }
    if column.allowed is not None:
        new = {word: count for word, count in new.items() if word not in column.allowed}
    if not new:
        return None
    ordered = sorted(new.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN_WORDS]
    more = len(new) - len(ordered)
    listed_en = ", ".join(
        f"{_shown_word(word)} ({count:,} row{'s' if count > 1 else ''})" for word, count in ordered
    )
    listed_es = ", ".join(
        f"{_shown_word(word)} ({count:,} fila{'s' if count > 1 else ''})" for word, count in ordered
    )
    return _Told(
        "new_category",
        column.name,
        f"{column.name} has values that it did not have before: {listed_en}"
        + (f", and {more} more." if more else "."),
        f"{column.name} trae valores que antes no tenía: {listed_es}"
        + (f" y {more} más." if more else "."),
    )


# --- numbers --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shift:
    """How far each quantile moved, as logarithms, and how far it moves by itself."""

    usual: tuple[float, ...]
    moves: tuple[float, ...]
    errors: tuple[float, ...]


def _changed_numbers(column: Column, today: ColumnProfile, past: _Past) -> _Told | None:
    shift = _shift(today, past.columns("changed_unit", column.name))
    if shift is None:
        return None
    return _changed_unit(column, today, shift) or _changed_distribution(column, today, shift)


def _shift(today: ColumnProfile, before: Sequence[ColumnProfile]) -> _Shift | None:
    days = [
        (each.quantiles, each.measured_count)
        for each in before
        if each.quantiles is not None and each.measured_count >= _MIN_DAY_MEASURED
    ]
    if (
        today.quantiles is None
        or today.measured_count < MIN_MEASURED
        or sum(count for _, count in days) < _MIN_BASELINE_MEASURED
    ):
        return None
    logs = [tuple(math.log(value) for value in quantiles) for quantiles, _ in days]
    now = tuple(math.log(value) for value in today.quantiles)
    usual = tuple(median(each[index] for each in logs) for index in range(len(QUANTILES)))
    # How wide one day's values lie tells how well few of them place a quantile.
    width = (usual[-1] - usual[0]) / _RANGE_IN_SIGMAS
    errors = []
    for index, factor in enumerate(_ERROR):
        spread = 1.4826 * median(abs(each[index] - usual[index]) for each in logs)
        chance = factor * width / math.sqrt(today.measured_count)
        errors.append(math.hypot(max(spread, _SPREAD_FLOOR), chance))
    moves = tuple(after - earlier for after, earlier in zip(now, usual, strict=True))
    return _Shift(usual, moves, tuple(errors))


def _changed_unit(column: Column, today: ColumnProfile, shift: _Shift) -> _Told | None:
    """All quantiles moved by one factor that lies between two units of the same thing."""
    judged = [index for index in _JUDGED if not _is_rounded_away(column, today, shift, index)]
    if not judged:
        return None
    middle = median(shift.moves[index] for index in judged)
    factor = min(UNIT_FACTORS, key=lambda each: abs(abs(middle) - math.log(each)))
    wanted = math.copysign(math.log(factor), middle)
    if abs(middle) < _UNIT_SIGMAS * shift.errors[_MEDIAN]:
        return None
    for index in judged:
        tolerance = min(max(_TOLERANCE, 4 * shift.errors[index]), _MAX_TOLERANCE)
        if abs(shift.moves[index] - wanted) > tolerance:
            return None
    times_en, times_es = (
        (f"about {factor:,.0f} times", f"unas {factor:,.0f} veces")
        if middle > 0
        else (f"about a {factor:,.0f}th of", f"más o menos 1/{factor:,.0f} de")
    )
    units_en, units_es = _UNIT_WORDS[factor]
    was, now = _number(math.exp(shift.usual[_MEDIAN])), _number((today.quantiles or ())[_MEDIAN])
    return _Told(
        "changed_unit",
        column.name,
        f"{column.name} is {times_en} what it was, at every quantile (median {was} before, {now} "
        f"now): the factor between {units_en}.",
        f"{column.name} es {times_es} lo que era, en todos los cuantiles (mediana antes {was}, "
        f"ahora {now}): el factor entre {units_es}.",
    )


def _is_rounded_away(column: Column, today: ColumnProfile, shift: _Shift, index: int) -> bool:
    """Whether a smaller unit left of a whole number only 1 or 2: it says nothing of the factor."""
    return (
        column.kind == "integer"
        and shift.moves[index] < 0
        and (today.quantiles or ())[index] < _SMALLEST_TRUSTED_INTEGER
    )


def _changed_distribution(column: Column, today: ColumnProfile, shift: _Shift) -> _Told | None:
    """Two quantiles or more moved far, one way, and further than they do by themselves."""
    if today.measured_count < _MIN_DISTRIBUTION_MEASURED:
        return None
    far = [
        index
        for index in _JUDGED
        if abs(shift.moves[index])
        >= max(_DISTRIBUTION_MOVE, _DISTRIBUTION_SIGMAS * shift.errors[index])
    ]
    signs = {shift.moves[index] > 0 for index in far}
    if len(far) < 2 or len(signs) > 1:  # noqa: PLR2004 - two quantiles
        return None
    moved = ", ".join(
        f"p{QUANTILES[index] * 100:.0f} {_number(math.exp(shift.usual[index]))} → "
        f"{_number((today.quantiles or ())[index])}"
        for index in far
    )
    return _Told(
        "changed_distribution",
        column.name,
        f"The values of {column.name} moved further than they ever do: {moved}.",
        f"Los valores de {column.name} se movieron más que nunca: {moved}.",
    )


# --- words for people -----------------------------------------------------------------------


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.4g}"  # noqa: PLR2004 - three digits


def _shown(name: str) -> str:
    """A column's name as it can be shown: somebody else chose it."""
    clean = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in name
    )
    return clean if len(clean) <= _SHOWN_WORD_LENGTH else f"{clean[:_SHOWN_WORD_LENGTH]}..."


def _shown_word(word: str) -> str:
    """A new word in quotation marks; masked where it does not look like a word of a list.

    In a file whose columns slipped, handles and titles stand where the platform should.
    """
    letters = set(word) - set(" _-/&+.'()")
    is_word = len(word) <= _SHOWN_WORD_LENGTH and all(letter.isalnum() for letter in letters)
    return f"'{word}'" if is_word else MASK
