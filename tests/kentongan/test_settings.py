"""Settings that are refused."""

from __future__ import annotations

import pytest

from kentongan.settings import Settings


def test_an_empty_home_is_refused(monkeypatch):
    monkeypatch.setenv("KENTONGAN_HOME", "")
    with pytest.raises(ValueError, match="expected a folder"):
        Settings(_env_file=None)
