"""Ruptures that an operator gave for a quake: kept in the home, named in the audit."""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kentongan.audit import append
from kentongan.errors import DataError, KentonganError
from kentongan.lock import exclusive
from kentongan.store import Store, sha256_hex
from kentongan.times import iso, parse_instant

if TYPE_CHECKING:
    from orchestration.context import CycleContext
    from processing.quakes import QuakeGroup
    from processing.shaking import KnownFault

FOLDER = "faults"
MAX_BYTES = 200_000
_KEY = re.compile(r"[0-9]{8}T[0-9]{6}Z(-[a-z]+)?")


def give(
    context: CycleContext, group: QuakeGroup, payload: bytes, *, actor: str, at: datetime
) -> KnownFault:
    """Take a rupture (GeoJSON) for a quake; the next cycle computes with it.

    Raises:
        DataError: too large, or no rupture of this quake; see `processing.shaking.fault`.
    """
    from processing.shaking import KnownFault

    if len(payload) > MAX_BYTES:
        raise DataError(f"fault: expected at most {MAX_BYTES} bytes, found {len(payload)}")
    fault = _read(payload, group.best.quake.latitude, group.best.quake.longitude)
    body = {
        "event_key": group.event_key,
        "known_at": iso(at),
        "latitude": group.best.quake.latitude,
        "longitude": group.best.quake.longitude,
        "sha256": fault.sha256,
        "payload": base64.b64encode(payload).decode(),
    }
    with exclusive(context.settings.home):
        context.runs.write(f"{FOLDER}/{group.event_key}.json", json.dumps(body).encode())
        with context.engine.begin() as connection:
            told = {"event_key": group.event_key, "sha256": fault.sha256}
            append(connection, at=at, actor=actor, action="quake-fault", body=told)
    return KnownFault(fault, at)


def given(store: Store, at: datetime, troubles: list[str]) -> dict[str, KnownFault]:
    """Ruptures known at `at`, by key of the quake; one that cannot be read is named, left out."""
    found = {}
    for path in store.paths(FOLDER):
        name = path.rpartition("/")[2].removesuffix(".json")
        if not _KEY.fullmatch(name):
            continue
        try:
            known = _known(json.loads(store.read(path)))
        except (KentonganError, ValueError, KeyError, TypeError) as error:
            troubles.append(f"{path}: {error}; give it anew with: kentongan quakes {name} --fault")
            continue
        if known.known <= at:
            found[name] = known
    return found


def _known(body: dict[str, Any]) -> KnownFault:
    from processing.shaking import KnownFault

    payload = base64.b64decode(body["payload"], validate=True)
    if sha256_hex(payload) != body["sha256"]:
        raise DataError("the file was changed since it was given")
    fault = _read(payload, float(body["latitude"]), float(body["longitude"]))
    return KnownFault(fault, parse_instant(body["known_at"]))


def _read(payload: bytes, latitude: float, longitude: float) -> Any:
    from processing.shaking.fault import read_fault

    return read_fault(payload, sha256=sha256_hex(payload), latitude=latitude, longitude=longitude)
