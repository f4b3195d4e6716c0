"""Who is in the world: creators, their agencies, and how far each came in onboarding.

What lives here: everything about a creator that is settled before the first simulated week. What
may not: what happens week by week (`activity`), or how anything is written (`landing`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from orchestration.simulate import parameters as p
from orchestration.simulate.clock import DAY, HOUR, WEEK, Clock, epoch_of
from orchestration.simulate.draws import NEVER, Bools, Floats, Ints, Rows, Stage, generator, pick
from orchestration.simulate.options import WorldOptions

WAITING, ON, PAUSED, LEFT, BANNED = range(5)
"""States of a creator: not yet LIVE, going on, pausing, gone (may come back), banned."""

APPLIED_STATUS, APPROVED_STATUS, ACTIVE_STATUS, PAUSED_STATUS, LEFT_STATUS, BANNED_STATUS = range(6)
"""Codes of `parameters.STATUSES`."""

ZONES = tuple(zone for market in p.MARKETS for zone, _ in market.zones)
MARKET_OF_ZONE = np.repeat(np.arange(len(p.MARKETS)), [len(m.zones) for m in p.MARKETS])
NO_AGENCY = -1
_SATURDAY = 5
_DAYS_A_BLOCK = 7


@dataclass
class Population:
    """One entry a creator, in every array. Codes index `parameters`' tuples (`zone`: `ZONES`).

    `market` and `zone` are those of the week that is lived: who moves has new ones from then on.
    """

    market: Ints
    zone: Ints
    zone_is_empty: Bools
    """The feed leaves the time zone out; the market's own is the true one."""
    country_is_empty: Bools
    """The feed leaves the country out; the time zone is there."""
    language: Ints
    platform: Ints
    second_platform: Ints
    """`NEVER` for those who cast to one platform."""
    agency: Ints
    """At the first sight of the creator; `NO_AGENCY` for none."""
    category: Ints
    source: Ints
    handle_noun: Ints
    handle_word: Ints
    handle_number: Ints
    followers: Ints
    tier: Ints
    is_existing: Bools
    """Had joined before the window: no onboarding events, no first LIVE in the feeds."""
    seen_from: Ints
    """From when on the creator may be known at all; never falls, so who is there is a prefix."""
    state: Ints
    """At the start of the window."""
    applied_at: Ints
    approved_at: Ints
    trained_at: Ints
    first_live_at: Ints
    """When the creator will go (or went) LIVE first; `NEVER` for who dropped out on the way."""
    first_live_local: Ints
    continuation: Floats
    """Probability of going on for another week, once LIVE."""
    shows_per_week: Floats
    habit_hour: Floats
    """Usual local start hour; 24 and more is after midnight."""
    log_show_seconds: Floats
    talent: Floats
    """Standard normal; moves the audience and what it gives."""

    @property
    def size(self) -> int:
        """How many creators there are, those who apply after the last arrival day included."""
        return len(self.market)

    def present(self, before: int) -> int:
        """How many creators, from the first on, may be known before an instant.

        Whatever is drawn for everybody is drawn for these: then who comes later moves nothing.
        """
        return int(np.searchsorted(self.seen_from, before, side="left"))


def clock_of(options: WorldOptions) -> Clock:
    """The clock of a world: all its zones over its window."""
    return Clock(ZONES, options.start, options.days)


def populate(options: WorldOptions, clock: Clock, until: int) -> Population:
    """Draw the creators of a world: the existing ones, then newcomers a block of days at a time.

    Existing creators joined in the 400 days before the start. Those who are still going on are
    drawn as survivors: a creator who has gone on for `w` weeks has a continuation probability from
    Beta(alpha + w, beta), the posterior of the newcomers' Beta(alpha, beta).

    Args:
        options: The world; its `days` are not looked at.
        clock: The world's clock.
        until: Newcomers are drawn whose block of days begins before this instant.
    """
    start = epoch_of(options.start)
    blocks = []
    existing = round(options.creators * p.EXISTING_SHARE)
    rng = generator(options.seed, Stage.POPULATION)
    people = _draw_people(rng, existing, 0, start)
    people.is_existing[:] = True
    _give_existing_a_past(people, options, rng)
    blocks.append(people)
    size = existing
    for first, last in _newcomer_blocks(options, until):
        count = _newcomers_before(options, last) - _newcomers_before(options, first)
        rng = generator(options.seed, Stage.POPULATION, 1 + first)
        people = _draw_people(rng, count, size, start + first * DAY)
        _onboard_newcomers(people, options, clock, (first, last))
        blocks.append(people)
        size += count
    people = Population(
        **{
            each.name: np.concatenate([getattr(block, each.name) for block in blocks])
            for each in fields(Population)
        }
    )
    people.first_live_local = np.where(
        people.first_live_at == NEVER, NEVER, clock.to_local(people.zone, people.first_live_at)
    )
    return people


def _newcomers_before(options: WorldOptions, day: int) -> int:
    """How many newcomers apply on the first `day` days: exactly all within `window_days`."""
    newcomers = options.creators - round(options.creators * p.EXISTING_SHARE)
    return newcomers * day // options.window_days


def _newcomer_blocks(options: WorldOptions, until: int) -> Iterator[tuple[int, int]]:
    """Days (first, after the last) in which newcomers are drawn together: weeks from the start.

    The end of the first window ends a block too, so that the population is exact there.
    """
    day = 0
    while epoch_of(options.start) + day * DAY < until:
        after = day + _DAYS_A_BLOCK - day % _DAYS_A_BLOCK
        if day < options.window_days:
            after = min(after, options.window_days)
        yield day, after
        day = after


def _draw_people(rng: np.random.Generator, size: int, first: int, seen_from: int) -> Population:
    """Draw the fixed attributes of creators from number `first` on; their onboarding is empty."""
    market = pick(rng, [m.share for m in p.MARKETS], size)
    zone, language = np.zeros(size, np.int64), np.zeros(size, np.int64)
    agency = np.full(size, NO_AGENCY, np.int64)
    platform, second = np.zeros(size, np.int64), np.full(size, NEVER, np.int64)
    category = pick(rng, [share for _, share in p.CATEGORIES], size)
    source = pick(rng, [share for _, share in p.ACQUISITION_SOURCES], size)
    # Scouts bring creators into their agency; the others are in one as often as makes 60 % in all.
    in_agency_share = np.where(source == _source("agency_scout"), 0.95, 0.45)
    in_agency = rng.random(size) < in_agency_share * (p.IN_AGENCY_SHARE / 0.60)
    casts_twice = rng.random(size) < p.TWO_PLATFORM_CREATOR_SHARE
    for code, here in enumerate(p.MARKETS):
        rows = np.flatnonzero(market == code)
        first_zone = ZONES.index(here.zones[0][0])
        zone[rows] = first_zone + pick(rng, [share for _, share in here.zones], len(rows))
        spoken = np.array([p.LANGUAGES.index(name) for name, _ in here.languages])
        language[rows] = spoken[pick(rng, [share for _, share in here.languages], len(rows))]
        local = np.array([n for n, a in enumerate(p.AGENCIES) if a.market == here.market])
        chosen = local[pick(rng, [p.AGENCIES[n].weight for n in local], len(rows))]
        agency[rows] = np.where(in_agency[rows], chosen, NO_AGENCY)
        other = p.PLATFORMS.index(here.second_platform)
        platform[rows] = np.where(rng.random(len(rows)) < p.FIRST_PLATFORM_SHARE, 0, other)
        second[rows] = np.where(casts_twice[rows], np.where(platform[rows] == 0, other, 0), NEVER)

    talent = rng.standard_normal(size)
    followers = np.exp(
        p.FOLLOWERS_LOG_MEAN + 0.8 * talent + p.FOLLOWERS_SIGMA * rng.standard_normal(size)
    ).astype(np.int64)
    habit = pick(rng, [share for share, _, _ in p.HABIT_HOURS], size)
    means = np.array([mean for _, mean, _ in p.HABIT_HOURS])
    spreads = np.array([spread for _, _, spread in p.HABIT_HOURS])
    habit_hour = means[habit] + spreads[habit] * rng.standard_normal(size)
    single_zone = np.array([m.market in p.MARKETS_WHOSE_ZONE_MAY_BE_EMPTY for m in p.MARKETS])
    zone_is_empty = single_zone[market] & (rng.random(size) < p.EMPTY_ZONE_SHARE)
    country_is_empty = ~zone_is_empty & (rng.random(size) < p.UNKNOWN_COUNTRY_SHARE)
    shape = p.SHOWS_PER_WEEK_SHAPE
    return Population(
        market=market,
        zone=zone,
        zone_is_empty=zone_is_empty,
        country_is_empty=country_is_empty,
        language=language,
        platform=platform,
        second_platform=second,
        agency=agency,
        category=category,
        source=source,
        handle_noun=rng.integers(0, len(p.HANDLE_NOUNS), size),
        handle_word=rng.integers(0, len(p.HANDLE_WORDS), size),
        handle_number=first + rng.permutation(size).astype(np.int64),
        followers=followers,
        tier=np.zeros(size, np.int64),
        is_existing=np.zeros(size, bool),
        seen_from=np.full(size, seen_from, np.int64),
        state=np.full(size, WAITING, np.int64),
        applied_at=np.full(size, NEVER, np.int64),
        approved_at=np.full(size, NEVER, np.int64),
        trained_at=np.full(size, NEVER, np.int64),
        first_live_at=np.full(size, NEVER, np.int64),
        first_live_local=np.full(size, NEVER, np.int64),
        continuation=rng.beta(p.CONTINUATION_ALPHA, p.CONTINUATION_BETA, size),
        shows_per_week=rng.gamma(shape, p.SHOWS_PER_WEEK_MEAN / shape, size),
        habit_hour=habit_hour,
        log_show_seconds=np.log(p.SHOW_MEDIAN_SECONDS)
        + p.SHOW_SIGMA_CREATOR * rng.standard_normal(size),
        talent=talent,
    )


def tier_of(diamonds_of_month: Floats | Ints) -> Ints:
    """Tier codes by the diamonds of a calendar month."""
    return np.searchsorted(np.array(p.TIERS), diamonds_of_month, side="right").astype(np.int64) - 1


def onboarding_events(people: Population) -> Rows:
    """The newcomers' steps (0 applied, 1 approved, 2 trained), by the time of each."""
    creators, steps, times = [], [], []
    for step, at in enumerate((people.applied_at, people.approved_at, people.trained_at)):
        rows = np.flatnonzero(~people.is_existing & (at != NEVER))
        creators.append(rows)
        steps.append(np.full(len(rows), step, np.int64))
        times.append(at[rows])
    occurred_at = np.concatenate(times)
    order = np.argsort(occurred_at, kind="stable")
    return {
        "creator": np.concatenate(creators)[order],
        "step": np.concatenate(steps)[order],
        "occurred_at": occurred_at[order],
    }


def agency_states(options: WorldOptions) -> Rows:
    """What is known of each agency: all on the first arrival day, later the ones that renegotiated.

    Columns: agency, tier (code of `AGENCY_TIERS`), commission (hundredths), updated_at. Drawn a
    week from the start at a time, whole weeks.
    """
    start, count = epoch_of(options.start), len(p.AGENCIES)
    tier = np.array([p.AGENCY_TIERS.index(agency.tier) for agency in p.AGENCIES])
    states: list[Rows] = [
        {
            "agency": np.arange(count),
            "tier": tier,
            "commission": np.array([agency.commission for agency in p.AGENCIES]),
            "updated_at": np.full(count, start + 6 * HOUR),
        }
    ]
    for week in range(options.days // 7 + 1):
        rng = generator(options.seed, Stage.AGENCIES, week)
        changes = int(rng.poisson(p.AGENCY_CHANGES_PER_MONTH * 7 / 30))
        who = rng.integers(0, count, changes)
        # Not on the first day: a change is a change against the snapshot.
        first = start + week * WEEK + (DAY if week == 0 else 0)
        states.append(
            {
                "agency": who,
                "tier": np.minimum(
                    tier[who] + (rng.random(changes) < p.AGENCY_CHANGE_RAISES_TIER),
                    len(p.AGENCY_TIERS) - 1,
                ),
                "commission": rng.integers(12, 28, changes),
                "updated_at": np.sort(rng.integers(first, start + (week + 1) * WEEK, changes)),
            }
        )
    return {name: np.concatenate([each[name] for each in states]) for name in states[0]}


def _source(name: str) -> int:
    return [source for source, _ in p.ACQUISITION_SOURCES].index(name)


def _give_existing_a_past(
    people: Population, options: WorldOptions, rng: np.random.Generator
) -> None:
    """Dates before the window, the state at its start, and survivors' continuation."""
    start = epoch_of(options.start)
    rows = np.flatnonzero(people.is_existing)
    longest = p.EXISTING_JOINED_WITHIN_DAYS * DAY
    first_live = start - rng.integers(2 * DAY, longest - 20 * DAY, len(rows))
    trained = first_live - rng.integers(6 * HOUR, 5 * DAY, len(rows))
    approved = trained - rng.integers(6 * HOUR, 6 * DAY, len(rows))
    people.first_live_at[rows] = first_live
    people.trained_at[rows] = trained
    people.approved_at[rows] = approved
    people.applied_at[rows] = approved - rng.integers(6 * HOUR, 6 * DAY, len(rows))
    people.state[rows] = ON + pick(rng, p.EXISTING_STATE_SHARES, len(rows))
    weeks = (start - first_live) / (7 * DAY)
    survivors = rng.beta(p.CONTINUATION_ALPHA + weeks, p.CONTINUATION_BETA)
    people.continuation[rows] = np.where(
        people.state[rows] == ON, survivors, people.continuation[rows]
    )
    # Only the scale of a usual month is known before the window; the first of a month corrects it.
    gifts = np.exp(7.2 + 2.0 * people.talent[rows] + 0.8 * rng.standard_normal(len(rows)))
    people.tier[rows] = tier_of(gifts)


def _onboard_newcomers(
    people: Population, options: WorldOptions, clock: Clock, days: tuple[int, int]
) -> None:
    """Application, approval, training, first LIVE: people's delays, and drop-off at each step.

    Args:
        people: The newcomers of one block, all of them.
        options: The world.
        clock: The world's clock.
        days: In which days (UTC, first and after the last) they apply.
    """
    rng = generator(options.seed, Stage.FUNNEL, days[0])
    size, zone = people.size, people.zone

    day = epoch_of(options.start) + rng.integers(*days, size) * DAY
    applied_hour = np.clip(rng.normal(16.5, 3.8, size), 6.0, 23.9)
    # The instant of this UTC day at which the creator's clock shows that hour.
    shown = (applied_hour * HOUR).astype(np.int64) - clock.offset(zone, day + DAY // 2)
    applied = day + shown % DAY

    def local_midnight(at: Ints) -> Ints:
        return clock.to_local(zone, at) // DAY * DAY

    def delay_days(median: float) -> Floats:
        drawn: Floats = median * np.exp(p.DELAY_SIGMA * rng.standard_normal(size))
        return drawn

    # Approval is office work: local hours 9 to 18, Monday to Friday, not on the day itself.
    office_day = (
        local_midnight(applied) + np.ceil(delay_days(p.APPROVAL_MEDIAN_DAYS)).astype(np.int64) * DAY
    )
    weekday = (office_day // DAY + 3) % 7
    office_day += np.where(weekday >= _SATURDAY, 7 - weekday, 0) * DAY
    approved = clock.to_utc(zone, office_day + rng.integers(9 * HOUR, 18 * HOUR, size))
    trained = approved + 2 * HOUR + (delay_days(p.TRAINING_MEDIAN_DAYS) * DAY).astype(np.int64)
    show_day = (
        local_midnight(trained)
        + np.ceil(delay_days(p.FIRST_LIVE_MEDIAN_DAYS)).astype(np.int64) * DAY
    )
    first_live = clock.to_utc(zone, show_day + (people.habit_hour * HOUR).astype(np.int64))

    lift = np.array(p.SOURCE_CONVERSION)[people.source]
    lift = lift * np.where(people.agency == NO_AGENCY, 0.95, 1.04)
    is_approved = rng.random(size) < p.APPROVED_RATE * lift
    is_trained = is_approved & (rng.random(size) < p.TRAINED_RATE * lift)
    goes_live = is_trained & (rng.random(size) < p.FIRST_LIVE_RATE * lift)
    people.applied_at = applied
    people.approved_at = np.where(is_approved, approved, NEVER)
    people.trained_at = np.where(is_trained, trained, NEVER)
    people.first_live_at = np.where(goes_live, first_live, NEVER)
