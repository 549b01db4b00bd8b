"""The settings' reference out of `kentongan/settings.py`."""

from __future__ import annotations

import ast
import inspect
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from pydantic import SecretStr

from kentongan import settings as module
from kentongan.settings import Settings

PREFIX = "KENTONGAN_"
_KINDS = {"Path": "path", "str": "text", "int": "whole number", "float": "number", "bool": "yes/no"}


def meanings(owner: type) -> dict[str, str]:
    """The sentence below each field of a class, as it stands in the source."""
    return {name: said for name, (_, said) in fields(owner).items()}


def fields(owner: type) -> dict[str, tuple[str, str]]:
    """Each field's kind and the sentence below it, as they stand in the source."""
    source = inspect.getsource(inspect.getmodule(owner) or module)
    classes = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.ClassDef)]
    body = next(n.body for n in classes if n.name == owner.__name__)
    found = {}
    for field, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            found[field.target.id] = ast.unparse(field.annotation), _text(after)
    return found


def _text(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return " ".join(str(node.value.value).split())
    return ""


def markdown() -> str:
    said = meanings(Settings)
    rows = [_row(name, field, said[name]) for name, field in Settings.model_fields.items()]
    return "\n".join(("| variable | kind | default | means |", "|---|---|---|---|", *rows))


def _row(name: str, field: Any, said: str) -> str:
    kind, default = _kind(field.annotation), _default(field.default)
    return f"| `{PREFIX}{name.upper()}` | {kind} | {default} | {cell(said)} |"


def _kind(annotation: Any) -> str:
    if annotation is SecretStr:
        return "secret"
    if get_origin(annotation) is tuple:
        return "JSON list"
    if isinstance(annotation, UnionType):
        return _kind(next(a for a in get_args(annotation) if a is not NoneType))
    names = [getattr(one, "__name__", "") for one in (annotation, *get_args(annotation))]
    values = [str(one) for one in annotation] if hasattr(annotation, "__members__") else []
    return " / ".join(values) or next((_KINDS[n] for n in names if n in _KINDS), names[0])


def _default(value: Any) -> str:
    shown = value.get_secret_value() if isinstance(value, SecretStr) else value
    if shown is None or shown == "" or shown == ():
        return "–"
    if isinstance(shown, tuple):
        shown = "[" + ", ".join(f'"{one}"' for one in shown) + "]"
    return f"`{shown}`"


def cell(text: str) -> str:
    return text.replace("|", "\\|")
