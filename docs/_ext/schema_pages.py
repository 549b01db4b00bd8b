"""Tables, records and the impact table out of the modules that define them."""

from __future__ import annotations

import importlib
import inspect
import io
import pkgutil
import re
import tokenize
from typing import Any

from settings_pages import cell, fields


def tables() -> str:
    """Each table by the module that holds it."""
    from kentongan import tables as package

    parts = []
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        parts += _of_module(module)
    return "\n\n".join(parts)


def _of_module(module: Any) -> list[str]:
    from sqlalchemy import Table

    source = inspect.getsource(module)
    found = {
        n: t for n, t in vars(module).items() if isinstance(t, Table) and f"{n} = Table" in source
    }
    if not found:
        return []
    said = remarks(source)
    head = f"## {inspect.getdoc(module).splitlines()[0].rstrip('.')}"  # type: ignore[union-attr]
    return [head, *(_table(table, said.get(name, {})) for name, table in found.items())]


def _table(table: Any, said: dict[str, str]) -> str:
    rows = [
        f"| `{c.name}` | {_kind(c.type)} | {_marks(c)} | {cell(said.get(c.name, ''))} |"
        for c in table.columns
    ]
    head = ("| column | kind | | means |", "|---|---|---|---|")
    return "\n".join((f"### Table `{table.name}`", "", *head, *rows))


def _kind(kind: Any) -> str:
    return str(kind).lower().replace("varchar", "text")


def _marks(column: Any) -> str:
    marks = ["key"] if column.primary_key else []
    marks += [] if column.nullable or column.primary_key else ["required"]
    marks += [f"of `{key.column}`" for key in column.foreign_keys]
    return ", ".join(marks)


def remarks(source: str) -> dict[str, dict[str, str]]:
    """The remark behind each column, by table: `Column("at", …),  # remark`."""
    found: dict[str, dict[str, str]] = {}
    table = column = ""
    for line, words in _by_line(source).items():
        opened = re.match(r"(\w+) = Table\(", line[1])
        table, column = (opened[1], "") if opened else (table, column)
        named = re.search(r'Column\(\s*"(\w+)"', line[1])
        column = named[1] if named else column
        if table and column and words:
            before = found.setdefault(table, {}).get(column, "")
            found[table][column] = f"{before} {words}".strip()
    return found


def _by_line(source: str) -> dict[tuple[int, str], str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    said = {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}
    lines = source.splitlines()
    return {(n, text): said.get(n, "") for n, text in enumerate(lines, 1)}


def records() -> str:
    """Each kind of record with its fields."""
    from kentongan import records as module

    return _models(module)


def warning() -> str:
    """What a version of a warning holds."""
    from notify import warning as module

    return _models(module)


def cap() -> str:
    """The elements of an alert that are written, and the parameters of ours."""
    from notify.cap import alert, document

    named = re.findall(r'"((?:Kentongan|EWS):\w+)"', inspect.getsource(alert))
    listed = "\n".join(f"- `{name}`" for name in dict.fromkeys(named))
    return f"{_models(document)}\n\n## Parameters of ours\n\n{listed}"


def _models(module: Any) -> str:
    """Each model of a module in its own order."""
    from pydantic import BaseModel

    source = inspect.getsource(module)
    owners = [
        value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, BaseModel)
        and re.search(rf"^class {name}\(", source, re.MULTILINE)
    ]
    return "\n\n".join(_record(owner) for owner in owners if owner.__annotations__)


def _record(owner: Any) -> str:
    rows = [
        f"| `{name}` | `{cell(kind)}` | {cell(words)} |"
        for name, (kind, words) in fields(owner).items()
        if name in owner.model_fields
    ]
    common = owner.__name__.startswith("_")
    title = "Fields of every record" if common else f"`{owner.__name__}`"
    about = "" if common else inspect.cleandoc(owner.__doc__ or "")
    head = ("| field | kind | means |", "|---|---|---|")
    return "\n".join((f"## {title}", "", _lines(about), "", *head, *rows))


def _lines(text: str) -> str:
    return " ".join(text.split())


def impact() -> str:
    from kentongan.impact import COLUMNS, OPTIONAL_COLUMNS

    rows = [f"| `{name}` | {cell(words)} |" for name, words in COLUMNS.items()]
    rows += [f"| `{name}` (optional) | {cell(words)} |" for name, words in OPTIONAL_COLUMNS.items()]
    return "\n".join(("| column | is |", "|---|---|", *rows))
