"""Curves in operation: fitted each day from what was matched, kept by version, the newest used.

A version is a file of its own, never changed. What is in force at a time follows from the files
and the time alone, so that a run done again, or after a restart, uses the same one.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from kentongan.errors import DataError
from kentongan.store import Store
from kentongan.times import compact, iso, parse_instant
from orchestration.rain.matching import days_of, forget, read_day, times_of
from processing.rain.calibrate_curves import (
    NATION,
    Calibration,
    Counts,
    fitted,
    packed,
    strangers,
    unpacked,
)
from processing.rain.calibrate_samples import CalibrationRules, Reservoir
from processing.rain.retrieve import METHOD as RETRIEVAL

log = logging.getLogger(__name__)
_CURVES, _TRIED = "rain/calibration/curves", "rain/calibration/tried.json"


@dataclass(frozen=True)
class InForce:
    """The curves of now, or why there are none."""

    calibration: Calibration | None
    why_not: str


def in_force(store: Store, at: datetime, rules: CalibrationRules) -> InForce:
    """The newest version at `at` of the first reference that has one that is not too old."""
    why = []
    for source in rules.references:
        found = _newest(store, source, at)
        if found is None:
            why.append(f"{source}: {_tried(store).get(source, {}).get('why', 'no samples yet')}")
        elif at - found.last > timedelta(days=rules.oldest_days):
            why.append(f"{source}: its newest sample is of {found.last:%Y-%m-%d}, too old")
        elif found.retrieval != RETRIEVAL:
            why.append(f"{source}: its curves are of {found.retrieval}")
        else:
            return InForce(found, "")
    return InForce(None, "; ".join(why))


def _newest(store: Store, source: str, at: datetime) -> Calibration | None:
    """The newest version that was made at or before `at` and can be read."""
    for path in reversed(store.paths(f"{_CURVES}/{source}/")):
        made = _made_at(path)
        if made is None or made > at:
            continue
        try:
            return _version(store.root, path)
        except DataError as error:
            log.warning("%s: %s; the version before it counts", path, error)
    return None


@lru_cache(maxsize=8)
def _version(root: str, path: str) -> Calibration:
    return unpacked(Store(root).read(path))


def _made_at(path: str) -> datetime | None:
    stem = path.rsplit("/", 1)[-1].partition("-")[0]
    try:
        return datetime.strptime(stem, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def renew(store: Store, at: datetime, rules: CalibrationRules) -> list[Calibration]:
    """Fit each reference whose last attempt is a day old; returns the new versions."""
    made = []
    for source in rules.references:
        tried = _tried(store).get(source)
        if tried is not None and _age(tried, at) < timedelta(hours=rules.renew_hours):
            continue
        if not days_of(store, source):
            continue
        forget(store, source, (at - timedelta(days=rules.keep_days)).astimezone(UTC).date())
        found, why = fit_reference(store, source, at, rules)
        if found is not None:
            path = f"{_CURVES}/{source}/{compact(at)}-{found.id.rsplit('-', 1)[-1]}.json"
            store.write(path, packed(found), read_only=True)
            made.append(found)
        _note_tried(store, source, at, why)
    return made


def _age(tried: dict[str, str], at: datetime) -> timedelta:
    """Since the last attempt; one that lies ahead (a clock that jumped) is no attempt."""
    age = at - parse_instant(tried["at"])
    return age if age >= timedelta() else timedelta.max


def fit_reference(
    store: Store, source: str, at: datetime, rules: CalibrationRules
) -> tuple[Calibration | None, str]:
    """Curves from all days kept up to `at`, or why there are none."""
    reservoir, times = Reservoir(rules.most_samples), []
    for day in days_of(store, source):
        if day > at.astimezone(UTC).date():
            continue
        kept = read_day(store, source, day)
        if kept.pairs:
            reservoir.add(kept.samples)
            times += times_of(kept)
    if not times:
        return None, "no samples yet"
    curves, counts = fitted(reservoir, rules)
    if not curves:
        return None, f"too few: {counts.get(NATION, Counts(0, 0, 0)).words(rules)}"
    if doubt := strangers(reservoir, rules):
        return None, doubt
    return Calibration(
        reference=source, retrieval=RETRIEVAL, made_at=at, first=min(times), last=max(times),
        frames=len(times), curves=curves, counts=counts,
    ), ""  # fmt: skip


def _tried(store: Store) -> dict[str, dict[str, str]]:
    if not store.exists(_TRIED):
        return {}
    try:
        found: dict[str, dict[str, str]] = json.loads(store.read(_TRIED))
        return {source: one for source, one in found.items() if parse_instant(one["at"])}
    except (ValueError, KeyError, TypeError, AttributeError):
        # Damaged: the next cycle tries again, which is all that it is for.
        return {}


def _note_tried(store: Store, source: str, at: datetime, why: str) -> None:
    known = {**_tried(store), source: {"at": iso(at), "why": why}}
    store.write(_TRIED, json.dumps(known, sort_keys=True).encode())
