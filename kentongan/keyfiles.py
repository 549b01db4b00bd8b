"""Keys in files: made once for their owner alone, never written over."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from kentongan.errors import SettingsError

_OTHERS = 0o077


def key_file(path: Path, *, make: Callable[[], bytes] | None) -> bytes:
    """The bytes of a key file.

    Args:
        make: makes the key where there is none; the file is its owner's alone (0600). None: the
            operator gave this path, and a missing file is an error.

    Raises:
        SettingsError: not readable, missing, or a key of ours that others may read.
    """
    if make is not None and not path.exists():
        _create(path, make())
    try:
        if make is not None and path.stat().st_mode & _OTHERS:
            raise SettingsError(f"key {path}: others may read it; run: chmod 600 {path}")
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"key {path}: {error.strerror or error}") from error


def replace_key_file(path: Path, content: bytes) -> None:
    """Other keys in the place of a file of ours, whole or not at all.

    Raises:
        SettingsError: it cannot be written.
    """
    try:
        _beside(path, content).replace(path)
    except OSError as error:
        raise SettingsError(f"key {path}: {error.strerror or error}") from error


def _beside(path: Path, content: bytes) -> Path:
    # Threads of the web application may come at once, too.
    name = f"{path.name}.{os.getpid()}-{threading.get_ident()}.part"
    temporary = path.with_name(name)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(handle, content)
        os.fsync(handle)
    finally:
        os.close(handle)
    return temporary


def _create(path: Path, content: bytes) -> None:
    """Whole or not at all; of two programs that start at once, one makes it and both use it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = _beside(path, content)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        temporary.unlink(missing_ok=True)
