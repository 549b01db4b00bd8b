"""A key that several threads need at the same time is made once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from kentongan.keyfiles import key_file


def test_threads_that_come_at_once_get_one_key(tmp_path):
    gate = Barrier(8)

    def make() -> bytes:
        gate.wait(10)
        return os.urandom(32)

    path = tmp_path / "keys" / "audit.pem"
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: key_file(path, make=make), range(8)))
    assert set(found) == {path.read_bytes()}
    assert [one.name for one in path.parent.iterdir()] == ["audit.pem"]
