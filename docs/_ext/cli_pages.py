"""The command's reference out of the command itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.main import get_command


def root() -> Any:
    """The tree of commands that `kentongan` runs."""
    from console.cli.app import app

    return get_command(app)


def children(command: Any) -> dict[str, Any]:
    return dict(getattr(command, "commands", {}))


def commands(command: Any, name: str = "kentongan") -> Iterator[tuple[str, Any]]:
    """Each command with its full name, a group before its own."""
    yield name, command
    for child, found in children(command).items():
        if not found.hidden:
            yield from commands(found, f"{name} {child}")


def markdown() -> str:
    return "\n\n".join(_one(name, command) for name, command in commands(root()))


def _one(name: str, command: Any) -> str:
    """A command under its group, with how it is called and what each part means."""
    parts = [f"{'##' if name.count(' ') < 2 else '###'} `{name}`", _plain(command.help or "")]
    if children(command):
        parts.append("\n".join(_line(child, found) for child, found in children(command).items()))
    else:
        usage = " ".join((name, *(_piece(p) for p in _shown(command))))
        parts += [f"```\n{usage}\n```", _parameters(command)]
    return "\n\n".join(part for part in parts if part)


def is_option(parameter: Any) -> bool:
    return str(parameter.opts[0]).startswith("-")


def _shown(command: Any) -> list[Any]:
    found = [p for p in command.params if "--help" not in p.opts and not p.hidden]
    return sorted(found, key=is_option)


def _piece(parameter: Any) -> str:
    if not is_option(parameter):
        piece = _called(parameter)
    elif parameter.is_flag:
        piece = "/".join((*parameter.opts[:1], *parameter.secondary_opts[:1]))
    else:
        piece = f"{parameter.opts[0]} {_called(parameter)}"
    return piece if parameter.required else f"[{piece}]"


def _called(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name).upper()


def _line(name: str, command: Any) -> str:
    return f"- `{name}` – {_plain(command.get_short_help_str(200))}"


def _parameters(command: Any) -> str:
    rows = [_row(p) for p in _shown(command)]
    return "\n".join(("| argument, option | means |", "|---|---|", *rows)) if rows else ""


def _row(parameter: Any) -> str:
    names = [*parameter.opts, *parameter.secondary_opts] if is_option(parameter) else []
    shown = ", ".join(f"`{name}`" for name in names or [_called(parameter)])
    words = [_plain(parameter.help or ""), _choices(parameter)]
    if parameter.required:
        words.append("Required.")
    elif parameter.default not in (None, "", False, (), []) and not callable(parameter.default):
        words.append(f"Default: `{parameter.default}`.")
    return f"| {shown} | {' '.join(w for w in words if w)} |"


def _choices(parameter: Any) -> str:
    members = getattr(parameter.bare_type, "__members__", None)
    return "One of " + ", ".join(f"`{m.value}`" for m in members.values()) + "." if members else ""


def _plain(text: str) -> str:
    """Help as text: no word of it is markup."""
    joined = " ".join(text.split())
    for sign in "\\<>*_[]|{}$":
        joined = joined.replace(sign, f"\\{sign}")
    return joined
