"""npm's oidc-provider as a Python object, and a person who signs in at it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NODE = Path(sys.executable).parent / "node"


class OpenIdProvider:
    """with OpenIdProvider(clients, people) as found: found.issuer"""

    def __init__(self, clients: list[dict[str, Any]], people: dict[str, dict[str, Any]]) -> None:
        self._told = json.dumps({"clients": clients, "people": people})

    def __enter__(self) -> OpenIdProvider:
        for path, remedy in (
            (NODE, "make setup-test"),
            (ROOT / "node_modules" / "oidc-provider", "npm ci"),
        ):
            if not path.exists():
                assert os.environ.get("REQUIRE_PEERS") != "1", f"{path} is missing; run: {remedy}"
                pytest.skip(f"no OpenID provider: {path.name} is missing; run: {remedy}")
        self.process = subprocess.Popen(
            [str(NODE), str(HERE / "oidc.mjs"), self._told],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            cwd=ROOT,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.issuer: str = json.loads(self.process.stdout.readline())["issuer"]
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def walk_through(address: str, subject: str) -> str:
    """Sign in at the provider's pages and consent; returns where it sends the browser back to."""
    with httpx.Client() as browser:
        url, answer = address, browser.get(address)
        for _ in range(12):
            if answer.is_redirect:
                url = urljoin(url, answer.headers["location"])
                if "/masuk/luar/kembali" in url:
                    return url
                answer = browser.get(url)
                continue
            form = re.search(r'action="([^"]+)"', answer.text)
            assert form is not None, re.sub(
                r"<style.*?</style>|<[^>]+>|\s+", " ", answer.text, flags=re.S
            )[:600]
            fields = {"prompt": "login", "login": subject, "password": "any"}
            data = fields if 'name="login"' in answer.text else {"prompt": "consent"}
            url = urljoin(url, form[1])
            answer = browser.post(url, data=data)
    raise AssertionError("the provider never sent the browser back")
