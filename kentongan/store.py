"""Archive and run store: immutable, partitioned, written whole or not at all.

Roots are fsspec URIs, so a local folder and S3-like storage are one setting.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import fsspec

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

    def write(self, path: str, data: bytes) -> str:
        """Write whole or not at all; the same bytes twice are one file. Returns the URI."""
        fs, root = self._open()
        target = f"{root}/{path}"
        fs.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
        temporary = f"{target}.{uuid.uuid4().hex}.part"
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

    def paths(self, prefix: str = "") -> list[str]:
        """Every file below `prefix`, sorted, without unfinished ones."""
        fs, root = self._open()
        found = fs.find(f"{root}/{prefix}".rstrip("/"))
        names = [str(p)[len(root) + 1 :] for p in found]
        return sorted(n for n in names if not n.endswith(".part"))


def archive_path(source_id: str, received_at: datetime, sha256: str) -> str:
    """`<source_id>/<yyyy>/<mm>/<dd>/<sha256>`."""
    return f"{source_id}/{require_aware(received_at):%Y/%m/%d}/{sha256}"


def archive(store: Store, source_id: str, received_at: datetime, data: bytes) -> str:
    """Put raw bytes into the archive; returns their sha256."""
    digest = sha256_hex(data)
    path = archive_path(source_id, received_at, digest)
    if not store.exists(path):
        store.write(path, data)
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
