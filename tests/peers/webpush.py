"""npm's web-push-testing as a Python object: it decrypts what it gets, as a browser does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NODE = Path(sys.executable).parent / "node"


class PushService:
    """with PushService() as service: address = service.subscribe(public_key)"""

    def __enter__(self) -> PushService:
        for path, remedy in (
            (NODE, "make setup-test"),
            (ROOT / "node_modules" / "web-push-testing", "npm ci"),
        ):
            if not path.exists():
                assert os.environ.get("REQUIRE_PEERS") != "1", f"{path} is missing; run: {remedy}"
                pytest.skip(f"no push service: {path.name} is missing; run: {remedy}")
        self.process = subprocess.Popen(
            [str(NODE), str(HERE / "webpush.js")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.port = json.loads(self.process.stdout.readline())["port"]
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def subscribe(self, public_key: str) -> str:
        """A browser's subscription as the registry keeps it."""
        found = self._post("/subscribe", userVisibleOnly="true", applicationServerKey=public_key)
        data = found["data"]
        return json.dumps({name: data[name] for name in ("endpoint", "keys")})

    def shown(self, address: str) -> list[dict[str, Any]]:
        """What the browser behind a subscription got, in clear."""
        name = json.loads(address)["endpoint"].rsplit("/", 1)[-1]
        found = self._post("/get-notifications", clientHash=name)
        return [json.loads(text) for text in found["data"]["messages"]]

    def expire(self, address: str) -> None:
        name = json.loads(address)["endpoint"].rsplit("/", 1)[-1]
        self._post(f"/expire-subscription/{name}")

    def _post(self, path: str, **fields: str) -> Any:
        body = urllib.parse.urlencode(fields).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", body, 10) as answer:
            text = answer.read()
        return json.loads(text) if text.startswith(b"{") else None
