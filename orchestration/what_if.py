"""What a quake of given figures would do: from BMKG's text to villages, texts and tasks.

The text goes through the same feed, readers and stages as a live one, in a home of its own that
is thrown away: as a re-creation, never live, never on the machine's real record.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kentongan.errors import DataError
from kentongan.times import WIB, iso, require_aware
from kentongan.types import HazardId
from orchestration import event_store, stages
from orchestration.context import CycleContext, open_context
from orchestration.secondary import note_secondary
from orchestration.shaking import note_people

if TYPE_CHECKING:
    from kentongan.settings import Settings

SOURCE = "bmkg-quakes"
NEWEST = "/DataMKG/TEWS/autogempa.json"
PUBLISHED_AFTER = timedelta(minutes=5)
"""From origin to text: what InaTEWS' service guide (2012) promises for the first bulletin."""
GRID_AFTER = timedelta(minutes=34)
"""From origin to BMKG's own map: median of 226 real maps processed within a day, 2012 to 2024."""
_LOOK_BACK = timedelta(days=1)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Figures:
    """What BMKG's text says of a quake."""

    origin: datetime
    magnitude: float
    depth_km: float
    latitude: float
    longitude: float
    place: str = ""
    tsunami: bool = False

    def text(self) -> bytes:
        """The document `autogempa.json` in BMKG's schema: every value is a string."""
        local = require_aware(self.origin).astimezone(WIB)
        south, west = self.latitude < 0, self.longitude < 0
        lintang = f"{abs(self.latitude):.2f} {'LS' if south else 'LU'}"
        bujur = f"{abs(self.longitude):.2f} {'BB' if west else 'BT'}"
        told = "Potensi tsunami untuk diteruskan pada masyarakat"
        gempa = {
            "Tanggal": f"{local:%d} {MONTHS[local.month - 1]} {local:%Y}",
            "Jam": f"{local:%H:%M:%S} WIB",
            "DateTime": f"{self.origin.astimezone(UTC):%Y-%m-%dT%H:%M:%S}+00:00",
            "Coordinates": f"{self.latitude:.2f},{self.longitude:.2f}",
            "Lintang": lintang,
            "Bujur": bujur,
            "Magnitude": f"{self.magnitude:.1f}",
            "Kedalaman": f"{self.depth_km:.0f} km",
            "Wilayah": self.place or f"Pusat gempa berada pada {lintang} - {bujur}",
            "Potensi": told if self.tsunami else "Tidak berpotensi tsunami",
        }
        return json.dumps({"Infogempa": {"gempa": gempa}}, ensure_ascii=False).encode()


def what_if(text: bytes, settings: Settings, *, at: datetime) -> dict[str, Any]:
    """One quake's text through the whole chain, twice: in a new process, and once it is warm.

    Args:
        text: a document in the schema of `autogempa.json`.
        settings: mode, layers and policies; its home is not touched.
        at: when the text is read.

    Returns:
        JSON values: `mmi_max` by line, `people_by_mmi`, `villages` and `people` by level,
        `warnings`, `texts`, `tasks`, `messages`, and the seconds of both passes.

    Raises:
        DataError: the text could not be read as a quake.
    """
    first = _pass(text, settings, at)
    again = _pass(text, settings, at)
    return {**again, "seconds_first": first["seconds"]}


def _pass(text: bytes, settings: Settings, at: datetime) -> dict[str, Any]:
    from ingest.play.feedserver import FeedServer, Payload

    def answer(path: str) -> Payload | None:
        return Payload(text, "application/json") if path == NEWEST else None

    with tempfile.TemporaryDirectory() as folder, FeedServer(answer) as server:
        home = Path(folder)
        own = settings.with_feed_server(
            server.url, home=home, database_url="", sources=(SOURCE,), cap_key=None
        )
        with open_context(own, live=False, re_creation=True) as context:
            return _run(context, require_aware(at))


def _run(context: CycleContext, at: datetime) -> dict[str, Any]:
    """Each stage by itself, so that each can be timed."""
    from ingest.known import known

    clock: dict[str, float] = {}
    poll = _timed(clock, "text", lambda: stages.poll_one(context.ingest, SOURCE, at))
    impacts = _timed(clock, "villages", lambda: _impacts(context, at))
    if not known(context.engine, at, kinds=("quake",), since=at - _LOOK_BACK):
        raise DataError(_unread(poll))
    troubles: list[dict[str, str]] = []
    _timed(clock, "overlay", lambda: stages.overlay(context, at, troubles))
    _timed(clock, "decide", lambda: stages.decide_all(context, at, troubles))
    _timed(clock, "release", lambda: stages.release_all(context, at, troubles))
    messages = _timed(clock, "send", lambda: stages.send(context, at))
    _timed(clock, "plan", lambda: stages.plan_all(context, at, troubles))
    note_secondary(context, at, troubles)
    note_people(context, at, troubles)
    messages = stages.added(messages, stages.send(context, at))
    return {
        "at": iso(at),
        "mode": str(context.settings.mode),
        "layers": context.layers.version,
        **impacts,
        **_told(context),
        "messages": messages,
        "troubles": troubles,
        "seconds": _sums(clock),
    }


def _timed(clock: dict[str, float], name: str, act: Callable[[], _T]) -> _T:
    start = time.perf_counter()
    found = act()
    clock[name] = time.perf_counter() - start
    return found


def _sums(clock: dict[str, float]) -> dict[str, float]:
    """Seconds from the text at hand to each mile stone.

    `text_to_villages` is what field and overlay take; the messages come after both were stored and
    the decision was made. People by intensity are counted when the messages are out.
    """
    sent = sum(clock[name] for name in ("text", "overlay", "decide", "release", "send"))
    found = {
        "text_to_villages": clock["text"] + clock["villages"],
        "text_to_messages": sent,
        "text_to_tasks": sent + clock["plan"],
    }
    return {name: round(value, 3) for name, value in found.items()}


def _unread(poll: dict[str, Any]) -> str:
    told = [str(p["detail"]) for p in poll["problems"] if p["outcome"] != "down"]
    said = "; ".join(told) or poll["detail"] or "no record in it"
    return f"the text could not be read as a quake of BMKG's: {said}"


def _impacts(context: CycleContext, at: datetime) -> dict[str, Any]:
    """Villages and people by the village's own level; nothing where no cell reaches level 1."""
    from risk.overlay import impact_table

    fields = [f for f in stages.fields_of(context, at) if f.event.hazard_id is HazardId.SHAKING]
    if not fields:
        none = {str(k): 0 for k in range(4, 0, -1)}
        return {"method": "", "quality": "", "mmi_max": {}, "villages": none, "people": none}
    field = fields[0]
    impact = impact_table(field, context.layers, context.levels)
    level = impact["level"].to_numpy()
    people = impact["people"].to_numpy()
    return {
        "method": field.event.method,
        "quality": str(field.event.quality),
        "mmi_max": _strongest(field.raster),
        "villages": {str(k): int((level == k).sum()) for k in range(4, 0, -1)},
        "people": {str(k): int(people[level == k].sum()) for k in range(4, 0, -1)},
    }


def _strongest(raster: Any) -> dict[str, float]:
    names = {"level": "mmi", "bmkg_chain": "mmi_chain", "allen_2012": "mmi_allen"}
    return {
        name: round(float(raster[variable].max()), 2)
        for name, variable in names.items()
        if variable in raster and bool(raster[variable].notnull().any())
    }


def _told(context: CycleContext) -> dict[str, Any]:
    """People by intensity, and what each regency would be told and asked."""
    from notify.listing import recent_warnings
    from orchestration.shaking import read_people
    from orchestration.view import task_lines

    warnings = recent_warnings(context.engine, datetime(1990, 1, 1, tzinfo=UTC))
    groups = [group for listed in warnings for group in listed.version.body.groups]
    tasks = task_lines(context, [w.version.warning_id for w in warnings])
    shaking = [
        event_store.folder(one.event, one.field_hash)
        for one in event_store.active(context.engine)
        if one.event.hazard_id is HazardId.SHAKING
    ]
    return {
        "people_by_mmi": read_people(context.runs, shaking[0]) if shaking else None,
        "texts": [
            {"regency": g.adm2_name, "level": g.level, "villages": len(g.codes), "sms": g.sms}
            for g in groups
        ],
        "warnings": [
            {
                "hazard_id": str(one.version.body.hazard_id),
                "level": one.version.body.level,
                "state": one.version.state,
                "status": one.version.body.status,
                "villages": len(one.version.body.levels),
                "reason": one.version.body.reason,
            }
            for one in warnings
        ],
        "tasks": dict(sorted(Counter(str(t.kind) for t in tasks).items())),
    }
