"""Names and texts of strangers, in every table and layer, on every page: shown, and harmless."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from sqlalchemy import JSON, Connection, Table, Text, select, update

from kentongan.db import metadata
from kentongan.settings import data_dir
from risk.layers import files
from tests.faces.scenes import Scene, Served, serve
from tests.faces.walking import FORM, OWN_PAGE, Walk, ask, walk

RAN = "window.ran=1"
TEXTS = (
    f"<script>{RAN}</script>", "{{7*7}}", f'"><img src=x onerror={RAN}>', f"javascript:{RAN}",
    "\u202egnik", "\u200b\u200d\ufeffa", "=1+1", f"'-{RAN}-'", f"</script><svg onload={RAN}>",
    "@SUM(1)", "w" * 400, "&lt;b&gt;", f"${{{RAN}}}", "\u2028]]>--></title>",
)  # fmt: skip
LONG = "panjang" * 1_400 + "<b>"
FREE = {
    "title", "place", "note", "reason", "detail", "text", "headline", "potential", "label", "team",
    "shelter", "felt", "limits", "basis", "adm1_name", "adm2_name", "sms", "push_title",
    "push_body", "readiness", "short", "long", "speech", "gap", "bpbd", "help", "point", "model",
    "how", "place_text", "outcome_text", "sample", "name", "districts", "gate", "vs30",
}  # fmt: skip
"""Where texts of strangers stand in tables and documents."""
KEPT = {"alembic_version", "bindings", "audit_heads", "cycles"}
"""Not text of strangers: numbers, hashes, and what the cycle said of itself."""
PROVINCE = "32"
CODES = {"actor": ["audit", "task_steps", "warning_states", "case_steps"]}


class Poison:
    """One hostile text after the other; each tenth is ten thousand characters."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, was: object = "") -> str:
        self.count += 1
        return LONG if self.count % 10 == 0 else f"{TEXTS[self.count % len(TEXTS)]} {was}"[:600]


def spoil(value: Any, poison: Poison, *, free: bool = False) -> Any:
    """A document with every free text replaced."""
    if isinstance(value, dict):
        return {
            k: spoil(v, poison, free=k in FREE or (free and not isinstance(v, dict | list)))
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [spoil(one, poison, free=free) for one in value]
    return poison(value) if free and isinstance(value, str) and value else value


def spoil_table(connection: Connection, table: Table, poison: Poison) -> None:
    columns = [c for c in table.columns if _is_free(table, c)]
    keys = list(table.primary_key.columns)
    if not columns or not keys or table.name in KEPT:
        return
    for row in connection.execute(select(table).limit(200)).mappings().all():
        new = {c.name: _spoiled(c, row[c.name], poison) for c in columns if row[c.name]}
        if new:
            mine = [key == row[key.name] for key in keys]
            connection.execute(update(table).where(*mine).values(**new))


def _is_free(table: Table, column: Any) -> bool:
    document = isinstance(column.type, JSON) or column.name in ("body", "document")
    actor = column.name == "actor" and table.name in CODES["actor"]
    return document or actor or (column.name in FREE and isinstance(column.type, Text))


def _spoiled(column: Any, value: Any, poison: Poison) -> Any:
    if column.name == "actor":
        return poison(value)[:80]
    if isinstance(column.type, JSON):
        return spoil(value, poison)
    if column.name in ("body", "document") and value[:1] in "{[":
        return json.dumps(spoil(json.loads(value), poison), ensure_ascii=False)
    return poison(value)


def spoiled_layers(folder: Path) -> Path:
    """The embedded set with hostile names in one province, as a deployment's tables might hold."""
    shutil.copytree(data_dir() / "layers" / "embedded", folder)
    manifest = files.read_manifest(folder)
    poison = Poison()
    villages = files.read_villages(folder)
    own = villages["adm4_code"].str.startswith(f"{PROVINCE}.03")
    villages.loc[own, "name"] = [poison(name)[:200] for name in villages.loc[own, "name"]]
    for code, rows in villages[own].groupby(villages["adm4_code"].str[:8]).groups.items():
        villages.loc[rows, "adm3_name"] = f"{poison()[:80]} {code}"
    villages.loc[own, "adm2_name"] = TEXTS[2]
    files.write_villages(folder, villages)
    for name in ("teams", "coordinators", "shelters"):
        table = files.read_table(folder / f"{name}.parquet")
        mine = table["adm4_code"].str.startswith(f"{PROVINCE}.03")
        table.loc[mine, "name"] = [poison(n)[:200] for n in table.loc[mine, "name"]]
        files.write_table(folder / f"{name}.parquet", table)
    content = {k: v for k, v in manifest.items() if k not in ("format", "version", "files")}
    files.write_manifest(folder, content)
    return folder


@pytest.fixture(scope="module")
def hostile(
    scene_of: Callable[..., Scene], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """The night of Cianjur where every stranger writes what they should not."""
    base = tmp_path_factory.mktemp("hostile")
    layers = spoiled_layers(base / "layers")
    with serve(scene_of("cianjur"), base / "home", layers=str(layers)) as place:
        head = {**OWN_PAGE, "Content-Type": FORM}
        for text in (f"banjir {TEXTS[0]} {TEXTS[2]}", f"rumah roboh, tertimbun {LONG}"):
            body = f"petugas=Dewi&isi={text.replace('&', '')}&tempat=Cugenang {TEXTS[2]}"
            sent = body.encode()[:9_000]
            found = ask(place.url, "/operator/lapor", "POST", body=sent, headers=head)
            assert found.status == 200
        poison = Poison()
        with place.engine.begin() as connection:
            for table in metadata.sorted_tables:
                spoil_table(connection, table, poison)
        assert poison.count > 300
        yield place


@pytest.fixture(scope="module")
def walked(hostile: Served) -> Walk:
    return walk(hostile)


SAID = ("long", "widest", "shown")
LOOKED = """() => {
  const room = window.innerWidth, page = document.documentElement.scrollWidth;
  return {ran: window.ran, wide: page > room ? page - room : 0,
    inline: [...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames()
      .filter(n => n.startsWith('on')).map(n => `${e.tagName} ${n}`)),
    scripts: [...document.scripts].filter(s => !s.src && s.type !== 'application/json').length,
    foreign: [...document.querySelectorAll('a[href]')].map(a => a.href)
      .filter(h => /^(javascript|data|vbscript):/i.test(h)),
    shown: /\\{\\{7\\*7|window\\.ran=1/.test(document.body.textContent),
    long: Math.max(0, ...(document.body.textContent.match(/(panjang)+/g) ?? []).map(t => t.length)),
    widest: [...document.body.querySelectorAll('*')].filter(e =>
      e.getBoundingClientRect().right > room + 1).slice(-4).map(e =>
      `${e.tagName}.${e.className} ${e.textContent.trim().slice(0, 30)}`)};
}"""


@pytest.mark.parametrize("width", [390, 1280])
def test_no_text_runs_or_bursts_a_page(
    width: int, hostile: Served, walked: Walk, look: Callable[..., Any]
) -> None:
    seen = look(hostile.url + "/masuk", width=width, height=844)
    bad, shown, long = [], [], []
    for path in sorted(walked.html):
        seen.page.goto(hostile.url + path, wait_until="load")
        found = seen.page.evaluate(LOOKED)
        wrong = {k: v for k, v in found.items() if k not in SAID and v}
        shown.append(found["shown"])
        long.append((found["long"], path))
        if path == "/map":  # one file that opens by itself; its policy names its scripts by hash
            wrong.pop("scripts", None)
        if wrong or seen.complaints:
            wide = found["widest"] if "wide" in wrong else ""
            bad.append((path, wrong, wide, seen.complaints[:2]))
        seen.complaints.clear()
    assert bad == [], "\n".join(map(str, bad))
    assert sum(shown) > 12  # the texts are there, as texts
    print(sorted(long)[-12:], sum(shown), len(shown))


def test_files_to_take_along_hold_no_formula(hostile: Served, walked: Walk) -> None:
    addresses = [one for found in walked.pages.values() for one in found]
    sheets = [one for one in addresses if re.search(r"\.csv(\?|$)", one)]
    assert len(sheets) >= 3
    for path in sheets:
        text = ask(hostile.url, path).body.decode("utf-8-sig")
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert cells and not [c for c in cells if c[:1] in set("=@\t\r") or re.match(r"[+-]\D", c)]
    for path in addresses:
        if re.search(r"\.(gpx|kml|xml|atom|rss)$", path):
            fromstring(ask(hostile.url, path).body)
        if path.endswith("json"):
            json.loads(ask(hostile.url, path).body)
