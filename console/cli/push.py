"""`kentongan push`: keys of browsers and sirens, and which sirens are alive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.cli.common import AsJson, open_settings, print_json

group = typer.Typer(
    help="Browsers and sirens: keys, and which sirens answer.", no_args_is_help=True
)


@group.command()
def keys(
    file: Annotated[Path, typer.Argument(help="PEM file; made if it is not there.")],
    mqtt: Annotated[bool, typer.Option("--mqtt", help="A key that signs for sirens.")] = False,
    json: AsJson = False,
) -> None:
    """Make a key once and print its public half; a key that exists is never changed."""
    from kentongan.keyfiles import key_file

    if mqtt:
        from notify.channels.mqtt.receiver import key_id
        from notify.channels.mqtt.signing import load_key, make_key

        key_file(file, make=make_key)
        public = load_key(file).public_key()
        found = {"key": str(file), "public": public.public_bytes_raw().hex(), "id": key_id(public)}
        text = f"put into every siren: {found['public']} (id {found['id']})"
    else:
        from notify.channels.webpush.vapid import Vapid
        from notify.channels.webpush.vapid import make_key as make_vapid

        key_file(file, make=make_vapid)
        found = {
            "key": str(file),
            "public": Vapid(file, "mailto:nobody@example.invalid").public_key,
        }
        text = f"applicationServerKey of the pages: {found['public']}"
    print_json(found) if json else print(text)


@group.command()
def sirens(
    wait: Annotated[
        float, typer.Option("--wait", min=0.1, max=60, help="Seconds to listen.")
    ] = 3.0,
    json: AsJson = False,
) -> None:
    """Which devices are online, by their own word and their last will at each broker."""
    from kentongan.errors import SettingsError
    from notify.channels.mqtt import MqttRoute
    from notify.channels.mqtt.health import listen
    from notify.dispatcher.config import load_routes

    settings = open_settings()
    routes = [one for one in load_routes(settings.routes).all if isinstance(one, MqttRoute)]
    if not routes:
        raise SettingsError('no route of kind "mqtt" in KENTONGAN_ROUTES: there are no sirens')
    found = {one.route: listen(one, wait) for one in routes}
    if json:
        print_json(found)
        return
    for route, devices in found.items():
        off = [name for name, online in devices.items() if not online]
        print(f"{route}: {len(devices)} known, {len(devices) - len(off)} online")
        print("\n".join(f"  OFFLINE {name}" for name in off)) if off else None
