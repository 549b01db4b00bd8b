"""A coordinator's tasks as lines, as HTML that prints without internet, and as CSV.

Other files are made of the same lines by `notify.tasks.export`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, select

from kentongan.db import task_steps, tasks
from kentongan.plan import ROADS, Leg
from kentongan.task_life import TaskState
from kentongan.times import iso, local_clock, local_date, parse_instant
from kentongan.types import TaskKind
from notify.area.villages import rows_of, short_regency
from notify.firewall.gate import mark_of
from notify.wording.phrases import LEVEL_WORDS

if TYPE_CHECKING:
    import pandas as pd

KINDS = {
    TaskKind.EVACUATE: "Bantu evakuasi",
    TaskKind.RECEIVE: "Terima pengungsi",
    TaskKind.ASSESS: "Periksa dan bantu",
}
HEADINGS = (
    "Nomor", "Tingkat", "Tugas", "Desa/kelurahan", "Kecamatan", "Kabupaten/kota", "Jiwa",
    "Belum tertolong", "Tim", "Tempat", "Perjalanan (menit)", "Catatan", "Status",
)  # fmt: skip
CSV_HEADINGS = (
    *HEADINGS, "Batas waktu", "Batas waktu (UTC)", "Penempatan", "Sudah selamat", "Langkah",
)  # fmt: skip
STATES = {
    TaskState.PLANNED: "belum ada yang diminta",
    TaskState.SENT: "menunggu jawaban",
    TaskState.RECEIVED: "menunggu jawaban",
    TaskState.ACCEPTED: "diterima",
    TaskState.DECLINED: "ditolak",
    TaskState.EN_ROUTE: "dalam perjalanan",
    TaskState.ON_SITE: "di lokasi",
    TaskState.DONE: "selesai",
    TaskState.FAILED: "gagal",
    TaskState.RECALLED: "dibatalkan",
}
UNASSIGNED = "tanpa-koordinator"
STRAIGHT_WORDS = "garis lurus, bukan jalan"
_CHUNK = 5_000
"""Values in one statement; SQLite binds up to 32,766."""


@dataclass(frozen=True)
class TaskLine:
    task_id: str
    coordinator_id: str
    """`tanpa-koordinator` where nobody was found."""
    level: int
    kind: TaskKind
    village: str
    district: str
    regency: str
    zone_hours: int
    people: int
    unmet_people: int
    team: str
    shelter: str
    eta_min: float | None
    note: str
    state: str
    cap_status: str
    warning_id: str = ""
    adm4_code: str = ""
    latitude: float | None = None
    longitude: float | None = None
    """Of the village; None where the layer set no longer has it."""
    deadline: datetime | None = None
    people_done: int | None = None
    legs: tuple[Leg, ...] = ()
    steps: tuple[tuple[datetime, str], ...] = ()
    """When it came into which state, oldest first."""


def task_lines(engine: Engine, warning_id: str, areas: pd.DataFrame) -> list[TaskLine]:
    """A warning's tasks: highest level first, then most people."""
    with engine.connect() as connection:
        return _lines(connection, tasks.c.warning_id == warning_id, areas)


def lines_of(engine: Engine, task_ids: Sequence[str], areas: pd.DataFrame) -> list[TaskLine]:
    """Lines of these tasks, in the order of their numbers' list."""
    found: dict[str, TaskLine] = {}
    with engine.connect() as connection:
        for start in range(0, len(task_ids), _CHUNK):
            some = tasks.c.task_id.in_(task_ids[start : start + _CHUNK])
            found.update((line.task_id, line) for line in _lines(connection, some, areas))
    return [found[task_id] for task_id in task_ids if task_id in found]


def _lines(
    connection: Connection, which: ColumnElement[bool], areas: pd.DataFrame
) -> list[TaskLine]:
    query = (
        select(tasks)
        .where(which)
        .order_by(tasks.c.level.desc(), tasks.c.people.desc(), tasks.c.task_id)
    )
    found = connection.execute(query).mappings().all()
    steps = _steps(connection, which)
    known = set(areas["adm4_code"].tolist()) & {row["adm4_code"] for row in found}
    records = rows_of(areas, sorted(known)).to_dict("records")
    places = {record["adm4_code"]: record for record in records}
    return [
        _line(row, places.get(row["adm4_code"], {}), steps.get(row["task_id"], ())) for row in found
    ]


def _steps(
    connection: Connection, which: ColumnElement[bool]
) -> dict[str, tuple[tuple[datetime, str], ...]]:
    """Task -> when each state began."""
    query = (
        select(task_steps.c.task_id, task_steps.c.at, task_steps.c.state)
        .join(tasks, tasks.c.task_id == task_steps.c.task_id)
        .where(which)
        .order_by(task_steps.c.task_id, task_steps.c.fence)
    )
    found: dict[str, list[tuple[datetime, str]]] = {}
    for row in connection.execute(query):
        steps = found.setdefault(row.task_id, [])
        if not steps or steps[-1][1] != row.state:
            steps.append((parse_instant(row.at), row.state))
    return {task_id: tuple(steps) for task_id, steps in found.items()}


def _line(
    row: RowMapping, place: Mapping[Any, Any], steps: tuple[tuple[datetime, str], ...]
) -> TaskLine:
    """A village that the layer set no longer has goes by its code."""
    body, code = row["body"], row["adm4_code"]
    regency = place.get("adm2_name")
    return TaskLine(
        task_id=row["task_id"],
        coordinator_id=row["coordinator_id"] or UNASSIGNED,
        level=row["level"],
        kind=TaskKind(row["kind"]),
        village=place.get("name", code),
        district=place.get("adm3_name", code[:8]),
        regency=short_regency(regency) if regency else code[:5],
        zone_hours=int(place.get("utc_offset", 7)),
        people=row["people"],
        unmet_people=row["unmet_people"],
        team=body.get("team") or row["team_id"] or "",
        shelter=body.get("shelter") or row["shelter_id"] or "",
        eta_min=row["eta_min"],
        note=" ".join(filter(None, (_after(body), body.get("note", "")))),
        state=row["state"],
        cap_status=body.get("status", "Exercise"),
        warning_id=row["warning_id"],
        adm4_code=code,
        latitude=place.get("latitude"),
        longitude=place.get("longitude"),
        deadline=parse_instant(body["deadline"]) if body.get("deadline") else None,
        people_done=row["people_done"],
        legs=tuple(Leg.model_validate(leg) for leg in body.get("legs") or ()),
        steps=steps,
    )


def _after(body: dict[str, str]) -> str:
    return f"Setelah {body['after']}." if body.get("after") else ""


def by_coordinator(lines: Sequence[TaskLine]) -> dict[str, list[TaskLine]]:
    """coordinator_id -> lines, in code order; the order of the lines stays."""
    split: dict[str, list[TaskLine]] = {}
    for line in lines:
        split.setdefault(line.coordinator_id, []).append(line)
    return dict(sorted(split.items()))


def summary(lines: Sequence[TaskLine]) -> str:
    """The first line: what nobody can do yet comes before everything else."""
    unmet = sum(line.unmet_people for line in lines)
    without = sum(not line.team for line in lines)
    people = sum(line.people for line in lines)
    need = f"BELUM TERTOLONG: {_number(unmet)} jiwa, {without} tugas tanpa tim."
    return f"{need} Jumlah: {len(lines)} tugas, {_number(people)} jiwa."


def task_list_html(title: str, lines: Sequence[TaskLine], *, at: datetime, name: str = "") -> str:
    """One page that loads nothing from anywhere."""
    mark = mark_of(lines[0].cap_status) if lines else ""
    zone = lines[0].zone_hours if lines else 7
    heads = "".join(f"<th scope='col'>{escape(h)}</th>" for h in HEADINGS)
    body = "".join(f"<tr class='l{line.level}'>{_cells(line)}</tr>\n" for line in lines)
    made = f"Dibuat {local_clock(at, zone)}, {local_date(at, zone)}"
    return (
        "<!doctype html>\n<html lang='id'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        f"<title>{escape(mark + title)}</title><style>{_CSS}</style></head><body>\n"
        f"<p class='need'>{escape(mark + summary(lines))}</p>\n<h1>{escape(mark + title)}</h1>\n"
        f"<p>{escape(name)}</p>\n"
        f"<table><thead><tr>{heads}</tr></thead><tbody>\n{body}</tbody></table>\n"
        f"<p>{escape(made)}. Data: BMKG. Tugas adalah permintaan; keselamatan tim didahulukan. "
        "Balas: YA atau TIDAK dan nomor tugas.</p></body></html>\n"
    )


def _cells(line: TaskLine) -> str:
    return "".join(f"<td>{escape(value)}</td>" for value in _values(line))


def _values(line: TaskLine) -> tuple[str, ...]:
    eta = "" if line.eta_min is None else f"{line.eta_min:.0f}"
    return (
        line.task_id, LEVEL_WORDS.get(line.level, str(line.level)), KINDS[line.kind], line.village,
        line.district, line.regency, _number(line.people), _number(line.unmet_people),
        line.team or "TIDAK ADA", line.shelter, eta, line.note, words_of(line.state),
    )  # fmt: skip


def task_list_csv(lines: Sequence[TaskLine], *, first_line: str = "") -> str:
    """The same as CSV; a cell that a spreadsheet could run as a formula is made text.

    Args:
        first_line: with its mark; by default the sum of these lines.
    """
    mark = mark_of(lines[0].cap_status) if lines else ""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([first_line or mark + summary(lines)])
    writer.writerow(CSV_HEADINGS)
    writer.writerows(
        [safe_cell(value) for value in (*_values(line), *_more(line))] for line in lines
    )
    return out.getvalue()


def _more(line: TaskLine) -> tuple[str, ...]:
    """What a spreadsheet has room for beside the printed columns."""
    done = "" if line.people_done is None else _number(line.people_done)
    said = "; ".join(f"{moment(at, line.zone_hours)} {words_of(state)}" for at, state in line.steps)
    return (
        moment(line.deadline, line.zone_hours) if line.deadline else "",
        iso(line.deadline) if line.deadline else "",
        "; ".join(leg_words(leg) for leg in line.legs), done, said,
    )  # fmt: skip


def leg_words(leg: Leg) -> str:
    """`420 jiwa ke SDN 2 oleh Tagana 1 (12 orang), 34 menit (garis lurus, bukan jalan)`."""
    parts = [f"{_number(leg.people)} jiwa"] if leg.people else []
    if leg.shelter_id is not None:
        parts.append(f"ke {leg.shelter or leg.shelter_id}")
    members = "" if leg.members is None else f" ({leg.members} orang)"
    parts.append(f"oleh {leg.team or leg.team_id}{members}" if leg.team_id else "TANPA TIM")
    said = " ".join(parts)
    if leg.shelter_id is None:
        return said
    minutes = "waktu tidak diketahui" if leg.way_min is None else f"{leg.way_min:.0f} menit"
    return f"{said}, {minutes} ({way_words(leg)})"


def way_words(leg: Leg) -> str:
    return "lewat jalan" if leg.way == ROADS else STRAIGHT_WORDS


def words_of(state: str) -> str:
    return STATES[TaskState(state)]


def moment(at: datetime, zone_hours: int) -> str:
    """`24 September 2026 15.27 WITA`."""
    return f"{local_date(at, zone_hours)} {local_clock(at, zone_hours)}"


def safe_cell(value: str) -> str:
    """OWASP, CSV injection: a leading = + - @, tab or return gets an apostrophe in front."""
    stripped = value.lstrip()
    if value[:1] in ("\t", "\r", "\n") or stripped[:1] in ("=", "+", "-", "@", "|", "%"):
        return f"'{value}"
    return value


def _number(value: int) -> str:
    return f"{value:,}".replace(",", ".")


_CSS = """
body{font:14px/1.4 sans-serif;margin:1.5em;color:#111}
.need{font-weight:bold;font-size:1.15em;border:2px solid #111;padding:.4em .6em}
table{border-collapse:collapse;width:100%}
th,td{border:1px solid #555;padding:.25em .4em;text-align:left;vertical-align:top}
thead{display:table-header-group}tr{break-inside:avoid}
.l4{background:#f8d0d0}.l3{background:#fde3c4}
@media print{body{margin:0;font-size:11px}@page{size:A4 landscape;margin:12mm}
.l4,.l3{background:none}.l4 td:nth-child(2){font-weight:bold}}
"""
