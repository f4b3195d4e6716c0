"""Who is in the world: creators, their agencies, and how far each came in onboarding.

What lives here: everything about a creator that is settled before the first simulated week. What
may not: what happens week by week (`activity`), or how anything is written (`landing`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestration.simulate import parameters as p
from orchestration.simulate.clock import DAY, HOUR, Clock, epoch_of
from orchestration.simulate.draws import NEVER, Bools, Floats, Ints, Rows, Stage, generator, pick
from orchestration.simulate.options import WorldOptions

WAITING, ON, PAUSED, LEFT, BANNED = range(5)
"""States of a creator: not yet LIVE, going on, pausing, gone (may come back), banned."""

APPLIED_STATUS, APPROVED_STATUS, ACTIVE_STATUS, PAUSED_STATUS, LEFT_STATUS, BANNED_STATUS = range(6)
"""Codes of `parameters.STATUSES`."""

ZONES = tuple(zone for market in p.MARKETS for zone, _ in market.zones)
NO_AGENCY = -1
_SATURDAY = 5


@dataclass
class Population:
    """One entry a creator, in every array. Codes index `parameters`' tuples (`zone`: `ZONES`)."""

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
        """How many creators there are."""
        return len(self.market)


def clock_of(options: WorldOptions) -> Clock:
    """The clock of a world: all its zones over its window."""
    return Clock(ZONES, options.start, options.days)


def populate(options: WorldOptions, clock: Clock) -> Population:
    """Draw the creators of a world.

    Existing creators joined in the 400 days before the start. Those who are still going on are
    drawn as survivors: a creator who has gone on for `w` weeks has a continuation probability from
    Beta(alpha + w, beta), the posterior of the newcomers' Beta(alpha, beta).
    """
    size = options.creators
    rng = generator(options.seed, Stage.POPULATION)
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
    people = Population(
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
        handle_number=rng.permutation(size).astype(np.int64),
        followers=followers,
        tier=np.zeros(size, np.int64),
        is_existing=rng.random(size) < p.EXISTING_SHARE,
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
    _give_existing_a_past(people, options, rng)
    _onboard_newcomers(people, options, clock)
    people.first_live_local = np.where(
        people.first_live_at == NEVER, NEVER, clock.to_local(people.zone, people.first_live_at)
    )
    return people


def tier_of(diamonds_of_month: Floats | Ints) -> Ints:
    """Tier codes by the diamonds of a calendar month."""
    return np.searchsorted(np.array(p.TIERS), diamonds_of_month, side="right").astype(np.int64) - 1


def onboarding_events(people: Population, options: WorldOptions) -> Rows:
    """The newcomers' steps (0 applied, 1 approved, 2 trained) that happened within the window."""
    end = epoch_of(options.start) + options.days * DAY
    creators, steps, times = [], [], []
    for step, at in enumerate((people.applied_at, people.approved_at, people.trained_at)):
        rows = np.flatnonzero(~people.is_existing & (at != NEVER) & (at < end))
        creators.append(rows)
        steps.append(np.full(len(rows), step, np.int64))
        times.append(at[rows])
    return {
        "creator": np.concatenate(creators),
        "step": np.concatenate(steps),
        "occurred_at": np.concatenate(times),
    }


def agency_states(options: WorldOptions) -> Rows:
    """What is known of each agency: all on the first arrival day, later the ones that renegotiated.

    Columns: agency, tier (code of `AGENCY_TIERS`), commission (hundredths), updated_at.
    """
    rng = generator(options.seed, Stage.AGENCIES)
    start, count = epoch_of(options.start), len(p.AGENCIES)
    tier = np.array([p.AGENCY_TIERS.index(agency.tier) for agency in p.AGENCIES])
    commission = np.array([agency.commission for agency in p.AGENCIES])
    # Not on the first day: a change is a change against the snapshot.
    changes = int(rng.poisson(p.AGENCY_CHANGES_PER_MONTH * (options.days - 1) / 30))
    who = rng.integers(0, count, changes)
    when = np.sort(rng.integers(start + DAY, start + options.days * DAY + 1, changes))
    new_commission = rng.integers(12, 28, changes)
    new_tier = np.minimum(
        tier[who] + (rng.random(changes) < p.AGENCY_CHANGE_RAISES_TIER), len(p.AGENCY_TIERS) - 1
    )
    return {
        "agency": np.concatenate([np.arange(count), who]),
        "tier": np.concatenate([tier, new_tier]),
        "commission": np.concatenate([commission, new_commission]),
        "updated_at": np.concatenate(
            [np.full(count, start + 6 * HOUR), np.minimum(when, start + options.days * DAY - 1)]
        ),
    }


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


def _onboard_newcomers(people: Population, options: WorldOptions, clock: Clock) -> None:
    """Application, approval, training, first LIVE: people's delays, and drop-off at each step."""
    rng = generator(options.seed, Stage.FUNNEL)
    start, end = epoch_of(options.start), epoch_of(options.start) + options.days * DAY
    rows = np.flatnonzero(~people.is_existing)
    size, zone = len(rows), people.zone[rows]

    day = start + rng.integers(0, options.days, size) * DAY
    applied_hour = np.clip(rng.normal(16.5, 3.8, size), 6.0, 23.9)
    applied = clock.to_utc(zone, day + (applied_hour * HOUR).astype(np.int64))
    # West of Greenwich the last local evening is the next UTC day: pull it back into the window.
    applied = np.where(applied >= end, applied - DAY, applied)
    applied = np.clip(applied, start, end - 1)

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
    first_live = clock.to_utc(zone, show_day + (people.habit_hour[rows] * HOUR).astype(np.int64))

    lift = np.array(p.SOURCE_CONVERSION)[people.source[rows]]
    lift = lift * np.where(people.agency[rows] == NO_AGENCY, 0.95, 1.04)
    is_approved = rng.random(size) < p.APPROVED_RATE * lift
    is_trained = is_approved & (rng.random(size) < p.TRAINED_RATE * lift)
    goes_live = is_trained & (rng.random(size) < p.FIRST_LIVE_RATE * lift)
    people.applied_at[rows] = applied
    people.approved_at[rows] = np.where(is_approved, approved, NEVER)
    people.trained_at[rows] = np.where(is_trained, trained, NEVER)
    people.first_live_at[rows] = np.where(goes_live, first_live, NEVER)
