"""How warnings follow, join and part, so that a village keeps its warning and hears it once.

BMKG's nowcasts never refer to each other: a newer one of the same province that holds enough of
an older one's villages takes its place. Estimates of ours that grow together become one; a part
that comes loose becomes one of its own. Only what is in force takes anything over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from kentongan.decision import InForce, Relation, Standing, Surroundings
from kentongan.decision_policy import SuccessionRules
from kentongan.hazard import HazardEvent
from kentongan.types import HazardId, WarningState
from risk.decision.evidence import is_hourly_rain


@dataclass(frozen=True)
class Known:
    """An event as a cycle knows it."""

    event: HazardEvent
    found: Mapping[str, int]
    """adm4_code -> level (>= 2) of its newest impact table."""
    standing: Standing | None
    before: InForce | None = None
    """What went out before this cycle: what the other events may lean on."""

    @property
    def id(self) -> str:
        return self.event.event_id

    @property
    def in_force(self) -> dict[str, int]:
        """adm4_code -> level that went out before this cycle and holds."""
        return self.before.levels if self.before else {}


@dataclass(frozen=True)
class Link:
    event_id: str
    relation: Relation
    other_id: str
    reason: str


def links_between(events: Sequence[Known], *, at: datetime, rules: SuccessionRules) -> list[Link]:
    """Every relation that holds at `at`, in order of ids."""
    alive = [one for one in events if not one.event.official_end and one.event.valid_to > at]
    found: list[Link] = []
    pairs = list(_pairs(alive, rules))
    for one, other in pairs:
        found += _nowcasts(one, other, rules) or _estimates(one, other, rules)
    found += _starting_together(pairs, {link.event_id for link in found}, at, rules)
    return sorted(found, key=lambda link: (link.event_id, link.relation, link.other_id))


Told = dict[tuple[object, ...], list[tuple[str, datetime, int]]]


class Neighbours:
    """What the events of one cycle mean for each other; looked up once for all of them."""

    def __init__(self, events: Sequence[Known], *, at: datetime, rules: SuccessionRules) -> None:
        self.links = links_between(events, at=at, rules=rules)
        self._rules = rules
        self._by_id = {one.id: one for one in events}
        self._nowcast = _under_nowcasts(events, at)
        self._told = _who_told(events, rules)

    def around(self, one: Known) -> Surroundings:
        successor = successor_of(one.id, self.links)
        taken: set[str] = set()
        for link in self.links:
            if link.relation is Relation.SPLIT_FROM and link.other_id == one.id:
                taken |= self._by_id[link.event_id].in_force.keys()
        return Surroundings(
            successor=successor,
            covered=self._by_id[successor].in_force if successor else {},
            taken=frozenset(taken),
            told=self._told_to(one),
            nowcast=self._nowcast,
        )

    def absorbed_by(self, event_id: str) -> list[str]:
        """Events that have become part of this one."""
        return [
            link.event_id
            for link in self.links
            if link.relation is Relation.MERGED_INTO and link.other_id == event_id
        ]

    def _told_to(self, one: Known) -> dict[str, int]:
        """Villages that another warning in force told of the same hazard, at what level."""
        kind = _kind(one.event)
        told: dict[str, int] = {}
        least = one.event.valid_to - self._rules.told_again
        for code in one.found:
            levels = [
                level
                for event_id, expires, level in self._told.get((kind, code), ())
                if event_id != one.id and expires >= least
            ]
            if levels:
                told[code] = max(levels)
        return told


def successor_of(event_id: str, links: Sequence[Link]) -> str | None:
    """The event that has taken another's place."""
    for link in links:
        if link.relation is Relation.SUPERSEDES and link.other_id == event_id:
            return link.event_id
        if link.relation is Relation.MERGED_INTO and link.event_id == event_id:
            return link.other_id
    return None


def _under_nowcasts(events: Sequence[Known], at: datetime) -> frozenset[str]:
    """Villages under a CAP warning of BMKG's that has not ended."""
    return frozenset(
        code
        for one in events
        if one.event.hazard_id is HazardId.THUNDERSTORM and one.event.official
        if not one.event.official_end and one.event.valid_to > at
        for code in one.found
    )


def _kind(event: HazardEvent) -> tuple[object, ...]:
    """A drill and the real thing never meet."""
    return event.hazard_id, event.status, event.re_creation, event.official


def _pairs(events: Sequence[Known], rules: SuccessionRules) -> Iterator[tuple[Known, Known]]:
    """Pairs of one kind that have a village in common; nowcasts of one province."""
    groups: dict[tuple[object, ...], list[tuple[Known, set[str]]]] = {}
    for one in events:
        if one.event.hazard_id not in rules.hazards or is_hourly_rain(one.event):
            continue
        place = one.event.province_codes if one.event.official else ()
        villages = {*one.found, *one.in_force}
        groups.setdefault((*_kind(one.event), place), []).append((one, villages))
    for members in groups.values():
        for (one, here), (other, there) in combinations(members, 2):
            if not here.isdisjoint(there):
                yield one, other


def _nowcasts(one: Known, other: Known, rules: SuccessionRules) -> list[Link]:
    event = one.event
    if event.hazard_id is not HazardId.THUNDERSTORM or not event.official:
        return []
    if event.province_codes != other.event.province_codes or not event.province_codes:
        return []
    old, new = sorted((one, other), key=lambda k: (k.event.valid_from, k.id))
    holds = new.in_force or (new.found if _first_seen(old) and _first_seen(new) else {})
    if new.event.valid_from == old.event.valid_from or not holds:
        return []
    share = _share(old.in_force or old.found, holds)
    if share < rules.nowcast_overlap_pct:
        return []
    reason = f"newer nowcast of province {event.province_codes[0]}, {share:.0f} % of its villages"
    return [Link(new.id, Relation.SUPERSEDES, old.id, reason)]


def _first_seen(one: Known) -> bool:
    """Nothing was drafted of it yet: after an outage several nowcasts come at once, and the newest
    of them speaks. Where its version cannot be written it ends, and the older one begins next."""
    return one.standing is None and bool(one.found)


def _estimates(one: Known, other: Known, rules: SuccessionRules) -> list[Link]:
    if one.event.official:
        return []
    main, part = sorted((one, other), key=lambda k: (not k.in_force, k.event.onset, k.id))
    held = main.in_force
    if not held or not part.found or _taken_back(part):
        return []
    small = min(part.found, main.found, key=len)
    share = _share(small, part.found if small is main.found else main.found)
    if share >= rules.merge_overlap_pct:
        reason = f"{share:.0f} % of the smaller one's villages in common"
        return [Link(part.id, Relation.MERGED_INTO, main.id, reason)]
    left = {code for code in held if code not in main.found}
    share = _share(part.found, left)
    if share >= rules.merge_overlap_pct:
        reason = f"{share:.0f} % of its villages left {main.id}"
        return [Link(part.id, Relation.SPLIT_FROM, main.id, reason)]
    return []


def _taken_back(one: Known) -> bool:
    """A person ended it: its villages are handed to no other estimate."""
    return one.standing is not None and one.standing.taken_back_at is not None


def _starting_together(
    pairs: Sequence[tuple[Known, Known]],
    linked: Collection[str],
    at: datetime,
    rules: SuccessionRules,
) -> list[Link]:
    """Estimates that would begin in one cycle for the same villages: one speaks for all of them.

    What is a draft already begins, then what holds longest, with the villages of each that joins
    it. None joins one that joins another: no village is left to an event that says nothing.
    """
    shares: dict[tuple[str, str], float] = {}
    fresh: dict[str, Known] = {}
    for one, other in pairs:
        if one.id in linked or other.id in linked or not (_begins(one, at) and _begins(other, at)):
            continue
        small, large = sorted((one.found, other.found), key=len)
        share = _share(small, large)
        if share >= rules.merge_overlap_pct:
            shares[one.id, other.id] = shares[other.id, one.id] = share
        fresh |= {one.id: one, other.id: other}
    order = sorted(fresh.values(), key=lambda k: (-k.event.valid_to.timestamp(), k.id))
    starters = {one.id for one in order if one.standing is not None}
    for one in order:
        if not any((one.id, other) in shares for other in starters):
            starters.add(one.id)
    return [_joins(one.id, starters, shares) for one in order if one.id not in starters]


def _joins(
    event_id: str, starters: Collection[str], shares: Mapping[tuple[str, str], float]
) -> Link:
    """To the one with which it has most in common."""
    share, main = max((shares.get((event_id, other), 0.0), other) for other in starters)
    reason = f"begins together, {share:.0f} % of the smaller one's villages in common"
    return Link(event_id, Relation.MERGED_INTO, main, reason)


def _begins(one: Known, at: datetime) -> bool:
    """Whether an estimate is surely drafted in this cycle: for the first time, or once more
    because it waits as a draft."""
    if one.event.official or one.in_force or not one.found:
        return False
    held = one.standing
    if held is None:
        return True
    return held.state in (WarningState.DRAFT, WarningState.APPROVED) and held.expires > at


def _share(of: Mapping[str, int], within: Mapping[str, int] | set[str]) -> float:
    """Percent of the villages `of` that are `within`."""
    return 100 * sum(code in within for code in of) / len(of) if of else 0.0


def _who_told(events: Sequence[Known], rules: SuccessionRules) -> Told:
    told: Told = {}
    for one in events:
        held = one.before
        if held is None or one.event.hazard_id not in rules.hazards:
            continue
        kind = _kind(one.event)
        for code, level in held.levels.items():
            if code in held.told:
                told.setdefault((kind, code), []).append((one.id, held.expires, level))
    return told
