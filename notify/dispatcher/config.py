"""The routes file (`KENTONGAN_ROUTES`): which ways to phones this deployment has.

    [[route]]
    kind = "smpp"            # smpp, http, gammu, webpush, fcm, mqtt, staff,
                             # whatsapp, telegram
    route = "telkomsel"      # its name in books, switches and metrics
    channel = "sms"
    order = 1                # of the routes of a channel the lowest that works is taken
    prefixes = ["+62811"]    # for these numbers this one comes before all others

Each kind adds keys of its own (`docs/dispatch.md`). Secrets stand in files of their own that their
owner alone may read, named here by path; a path that is not absolute starts at this file's folder.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kentongan.errors import SettingsError
from notify.channels.real import RealChannel
from notify.channels.routes import RouteBase
from notify.firewall.gate import RECORDER, TEST_ROUTE

KINDS: dict[str, tuple[str, str, str]] = {
    "smpp": ("notify.channels.smpp.route", "SmppRoute", "notify.channels.smpp.channel:SmppChannel"),
    "http": ("notify.channels.http.route", "HttpRoute", "notify.channels.http.channel:HttpChannel"),
    "gammu": ("notify.channels.modem", "GammuRoute", "notify.channels.modem:GammuChannel"),
    "webpush": ("notify.channels.webpush", "WebPushRoute", "notify.channels.webpush:WebPush"),
    "fcm": ("notify.channels.fcm", "FcmRoute", "notify.channels.fcm:Fcm"),
    "mqtt": ("notify.channels.mqtt", "MqttRoute", "notify.channels.mqtt:Mqtt"),
    "staff": ("notify.channels.staff", "StaffRoute", "notify.channels.staff:Staff"),
    "whatsapp": (
        "notify.channels.chat.route", "WhatsAppRoute", "notify.channels.chat.whatsapp:WhatsApp",
    ),
    "telegram": (
        "notify.channels.chat.route", "TelegramRoute", "notify.channels.chat.telegram:Telegram",
    ),
}  # fmt: skip
"""Kind -> module and class of its keys, and what makes its channel of them."""
TAKEN = frozenset(
    {
        RECORDER, TEST_ROUTE, "dispatch", "sms", "push", "webpush", "fcm", "mqtt", "staff",
        "whatsapp", "telegram",
    }
)  # fmt: skip
"""Names that mean something else in the books."""
_PUBLIC_FILES = ("ca_file", "certificate_file", "cert_file")
_OTHERS = 0o077


@dataclass(frozen=True)
class Routes:
    """What the file says, in its order."""

    path: Path | None
    all: tuple[RouteBase, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(route.route for route in self.all)

    def of(self, channel: str) -> tuple[RouteBase, ...]:
        """Those of a channel, the first to try first."""
        found = (route for route in self.all if route.channel == channel)
        return tuple(sorted(found, key=lambda route: (route.order, route.route)))

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(sorted({route.channel for route in self.all}))


def load_routes(path: Path | None) -> Routes:
    """The routes of a file; without one there are none, in no mode.

    Raises:
        SettingsError: every fault that was found, one a line, with file, route and key.
    """
    if path is None:
        return Routes(None)
    found, faults = read_routes(path)
    if faults:
        raise SettingsError("\n".join(faults))
    return found


def read_routes(path: Path) -> tuple[Routes, list[str]]:
    """What of a file can be read, and what is wrong with it, one line each."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return Routes(path), [f"routes {path}: {error}"]
    faults = [
        f"routes {path}: {key}: unknown; expected [[route]] alone" for key in raw if key != "route"
    ]
    tables = raw.get("route", [])
    if not isinstance(tables, list):
        return Routes(path), [*faults, f"routes {path}: expected [[route]], found [route]"]
    made = []
    for number, table in enumerate(tables, start=1):
        route, wrong = _route(path, number, table)
        faults += wrong
        made += [] if route is None else [route]
    faults += _clashes(path, made)
    return Routes(path, tuple(made)), faults


def open_channel(route: RouteBase) -> RealChannel:
    """The channel of a route, not opened yet.

    Raises:
        SettingsError: a file that it names cannot be used.
    """
    module, _, name = KINDS[route.kind][2].partition(":")
    make: Callable[[RouteBase], RealChannel] = getattr(import_module(module), name)
    return make(route)


def without_secrets(route: RouteBase) -> dict[str, Any]:
    """Its keys for a person: of a file its path, never what is in it."""
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in route.model_dump(mode="python").items()
        if value not in (None, "", (), {})
    }


def _route(path: Path, number: int, table: Any) -> tuple[RouteBase | None, list[str]]:
    if not isinstance(table, dict):
        return None, [f"routes {path}: route {number}: expected a table, found {table!r}"]
    where = f"routes {path}: route {number} ({table.get('route', 'without a name')})"
    kind = table.get("kind")
    if kind not in KINDS:
        return None, [f"{where}: kind: expected one of {', '.join(KINDS)}, found {kind!r}"]
    module, name, _ = KINDS[kind]
    model: type[RouteBase] = getattr(import_module(module), name)
    try:
        route = model.model_validate(table)
    except ValidationError as error:
        return None, [f"{where}: {line}" for line in _lines(error)]
    route = _with_paths(route, path.resolve().parent)
    return route, [f"{where}: {fault}" for fault in _file_faults(route)]


def _lines(error: ValidationError) -> Iterator[str]:
    for one in error.errors():
        key = ".".join(str(part) for part in one["loc"]) or "the whole"
        if one["type"] == "extra_forbidden":
            yield f"{key}: unknown key"
        else:  # its value may be a secret in the wrong place
            yield f"{key}: {one['msg']}"


def _with_paths(route: RouteBase, folder: Path) -> RouteBase:
    changed = {
        name: folder / value
        for name, value in route
        if isinstance(value, Path) and not value.is_absolute()
    }
    return route.model_copy(update=changed) if changed else route


def _file_faults(route: RouteBase) -> Iterator[str]:
    for name, value in route:
        if not isinstance(value, Path) or not name.endswith("_file"):
            continue
        try:
            mode = value.stat().st_mode
        except OSError as error:
            yield f"{name}: {value}: {error.strerror or error}"
            continue
        if mode & _OTHERS and name not in _PUBLIC_FILES:
            yield f"{name}: {value}: others may read it; run: chmod 600 {value}"


def _clashes(path: Path, routes: Iterable[RouteBase]) -> Iterator[str]:
    seen: set[str] = set()
    for route in routes:
        if route.route in seen:
            yield f"routes {path}: route {route.route}: the name stands twice; each needs its own"
        if route.route in TAKEN:
            yield f"routes {path}: route {route.route}: this name is taken; choose another"
        seen.add(route.route)
