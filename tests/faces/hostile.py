"""A scene where every stranger writes what they should not: in tables, layers and reports."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Connection, Table, Text, select, update

from kentongan.db import metadata
from kentongan.settings import data_dir
from notify.warning import WarningBody, content_hash
from risk.layers import files
from tests.faces.scenes import Scene, Served, serve
from tests.faces.walking import FORM, OWN_PAGE, ask

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
        if new and table.name == "warnings":  # what a version says is kept by its hash
            new["content_hash"] = content_hash(WarningBody.model_validate(new["body"]))
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


@contextmanager
def hostile_place(found: Scene, base: Path) -> Iterator[Served]:
    """The night of Cianjur, under a server that anything may be written to."""
    layers = spoiled_layers(base / "layers")
    with serve(found, base / "home", layers=str(layers)) as place:
        head = {**OWN_PAGE, "Content-Type": FORM}
        for text in (f"banjir {TEXTS[0]} {TEXTS[2]}", f"rumah roboh, tertimbun {LONG}"):
            body = f"petugas=Dewi&isi={text}&tempat=Cugenang {TEXTS[2]}"
            sent = body.encode()[:9_000]
            reply = ask(place.url, "/operator/lapor", "POST", body=sent, headers=head)
            assert reply.status == 200
        poison = Poison()
        with place.engine.begin() as connection:
            for table in metadata.sorted_tables:
                spoil_table(connection, table, poison)
        assert poison.count > 300
        yield place
