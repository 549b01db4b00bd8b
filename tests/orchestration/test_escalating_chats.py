"""Which chats an escalation may take: those with a route, and none because of a broken file."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from kentongan.types import Mode
from notify.firewall.gate import RECORDER_ONLY, all_routes
from orchestration.escalating import _chats

TELEGRAM = (
    '[[route]]\nkind = "telegram"\nroute = "tg"\nchannel = "telegram"\ntoken_file = "tg"\n'
    'hook_file = "hook"\n'
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (TELEGRAM, ("telegram",)),
        (None, ()),
        ("no toml [", ()),
        (TELEGRAM + '[[route]]\nkind = "strange"\n', ("telegram",)),
    ],
)
def test_chats_of_a_real_run_have_a_route(tmp_path, text, found):
    path = None
    if text is not None:
        path = tmp_path / "routes.toml"
        path.write_text(text)
        for name in ("tg", "hook"):
            (tmp_path / name).write_text("x")
            (tmp_path / name).chmod(0o600)
    context = SimpleNamespace(settings=SimpleNamespace(routes=path))
    assert _chats(context, all_routes(Mode.ACTUAL, live=True)) == found
    assert _chats(context, RECORDER_ONLY) == ("whatsapp", "telegram")
