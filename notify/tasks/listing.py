"""A coordinator's tasks on paper: HTML that prints without internet, and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

from sqlalchemy import Engine, select

from kentongan.db import tasks
from kentongan.times import local_clock, local_date
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
UNASSIGNED = "tanpa-koordinator"


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


def task_lines(engine: Engine, warning_id: str, areas: pd.DataFrame) -> list[TaskLine]:
    """A warning's tasks: highest level first, then most people."""
    query = (
        select(tasks)
        .where(tasks.c.warning_id == warning_id)
        .order_by(tasks.c.level.desc(), tasks.c.people.desc(), tasks.c.task_id)
    )
    with engine.connect() as connection:
        found = [row._mapping for row in connection.execute(query)]
    rows = rows_of(areas, [row["adm4_code"] for row in found])
    columns = ("name", "adm3_name", "adm2_name", "utc_offset")
    places = zip(*(rows[name].tolist() for name in columns), strict=True)
    return [
        TaskLine(
            task_id=row["task_id"],
            coordinator_id=row["coordinator_id"] or UNASSIGNED,
            level=row["level"],
            kind=TaskKind(row["kind"]),
            village=village,
            district=district,
            regency=short_regency(regency),
            zone_hours=int(zone),
            people=row["people"],
            unmet_people=row["unmet_people"],
            team=row["body"].get("team") or row["team_id"] or "",
            shelter=row["body"].get("shelter") or row["shelter_id"] or "",
            eta_min=row["eta_min"],
            note=" ".join(filter(None, (_after(row["body"]), row["body"].get("note", "")))),
            state=row["state"],
            cap_status=row["body"].get("status", "Exercise"),
        )
        for row, (village, district, regency, zone) in zip(found, places, strict=True)
    ]


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
        line.team or "TIDAK ADA", line.shelter, eta, line.note, line.state,
    )  # fmt: skip


def task_list_csv(lines: Sequence[TaskLine]) -> str:
    """The same as CSV; a cell that a spreadsheet could run as a formula is made text."""
    mark = mark_of(lines[0].cap_status) if lines else ""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([mark + summary(lines)])
    writer.writerow(HEADINGS)
    writer.writerows([safe_cell(value) for value in _values(line)] for line in lines)
    return out.getvalue()


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
