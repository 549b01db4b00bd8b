"""Archive and run store: immutable, partitioned, written whole or not at all.

Roots are fsspec URIs, so a local folder and S3-like storage are one setting. In a local folder a
file is on the disk, not only in memory, before it bears its name.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from kentongan.errors import DataError
from kentongan.times import require_aware


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Store:
    """Bytes under a root. `root` is a folder or an fsspec URI."""

    root: str

    def _open(self) -> tuple[Any, str]:
        fs, path = fsspec.core.url_to_fs(self.root)
        return fs, path.rstrip("/")

    def uri(self, path: str) -> str:
        return f"{self.root.rstrip('/')}/{path}"

    def write(self, path: str, data: bytes, *, read_only: bool = False) -> str:
        """Write whole or not at all; the same bytes twice are one file. Returns the URI.

        Raises:
            OSError: disk full, damaged or not writable; nothing is left under the name.
        """
        fs, root = self._open()
        target = f"{root}/{path}"
        if isinstance(fs, LocalFileSystem):
            _write_local(Path(target), data, read_only=read_only)
            return self.uri(path)
        fs.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
        temporary = f"{target}.{uuid.uuid4().hex}{_UNFINISHED}"
        fs.pipe_file(temporary, data)
        fs.mv(temporary, target)
        return self.uri(path)

    def read(self, path: str) -> bytes:
        fs, root = self._open()
        data: bytes = fs.cat_file(f"{root}/{path}")
        return data

    def exists(self, path: str) -> bool:
        fs, root = self._open()
        return bool(fs.exists(f"{root}/{path}"))

    def size(self, path: str) -> int | None:
        """Bytes of a file; None if it is not there."""
        fs, root = self._open()
        try:
            return int(fs.size(f"{root}/{path}"))
        except FileNotFoundError:
            return None

    def changed_at(self, path: str) -> datetime | None:
        """When a file was written; None if it is not there any more."""
        fs, root = self._open()
        try:
            found: datetime = fs.modified(f"{root}/{path}")
        except FileNotFoundError:
            return None
        return require_aware(found)

    def chunks(self, path: str) -> Iterator[bytes]:
        """A file in pieces of bounded size."""
        fs, root = self._open()
        with fs.open(f"{root}/{path}", "rb") as file:
            while piece := file.read(_CHUNK_BYTES):
                yield piece

    def remove(self, path: str) -> None:
        """Delete a file; one that is not there is no error."""
        fs, root = self._open()
        try:
            fs.rm_file(f"{root}/{path}")
        except FileNotFoundError:
            return

    def paths(self, prefix: str = "") -> list[str]:
        """Every file below `prefix`, sorted, without unfinished ones."""
        fs, root = self._open()
        found = fs.find(f"{root}/{prefix}".rstrip("/"))
        names = [str(p)[len(root) + 1 :] for p in found]
        return sorted(n for n in names if not is_unfinished(n))

    def walk(self) -> Iterator[str]:
        """Every file, unfinished ones too, folder by folder: never more than one folder's names
        in memory."""
        fs, root = self._open()
        for folder, _, files in fs.walk(root):
            below = str(folder)[len(root) + 1 :]
            for name in sorted(files):
                yield f"{below}/{name}" if below else str(name)


_UNFINISHED = ".part"
_CHUNK_BYTES = 1 << 20


def is_unfinished(path: str) -> bool:
    """Whether a file is one that was being written when its process died, or is being written."""
    return path.endswith(_UNFINISHED)


def _write_local(target: Path, data: bytes, *, read_only: bool) -> None:
    """Under another name, synced, renamed; then the folder is synced, so that the name holds."""
    _make_folder(target.parent)
    temporary = target.with_name(f"{target.name}.{uuid.uuid4().hex}{_UNFINISHED}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            if read_only:
                os.fchmod(file.fileno(), 0o444)
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def archive_path(source_id: str, received_at: datetime, sha256: str) -> str:
    """`<source_id>/<yyyy>/<mm>/<dd>/<sha256>`."""
    return f"{source_id}/{require_aware(received_at):%Y/%m/%d}/{sha256}"


def archive(store: Store, source_id: str, received_at: datetime, data: bytes) -> str:
    """Put raw bytes into the archive, read-only; returns their sha256.

    A file of another size under that name was cut short by a disk, and is written again.

    Raises:
        OSError: disk full, damaged or not writable.
    """
    digest = sha256_hex(data)
    path = archive_path(source_id, received_at, digest)
    if store.size(path) != len(data):
        store.write(path, data, read_only=True)
    return digest


def read_archived(store: Store, source_id: str, received_at: datetime, sha256: str) -> bytes:
    """The archived bytes.

    Raises:
        DataError: a byte was changed.
    """
    data = store.read(archive_path(source_id, received_at, sha256))
    if sha256_hex(data) != sha256:
        raise DataError(
            f"archive {source_id} {sha256[:12]}: bytes do not match their name; "
            "restore the file from a backup and run: kentongan archive verify"
        )
    return data
