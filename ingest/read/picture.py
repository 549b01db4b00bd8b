"""A satellite picture: whole, of bearable size, and of when? Its pixels are decoded elsewhere."""

from __future__ import annotations

import hashlib
import io
import struct
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from ingest.read.payload import one_line, refuse_html
from ingest.read.png import require_whole_png
from ingest.source import ReadContext
from kentongan.errors import SourceChanged
from kentongan.records import SatelliteImage
from kentongan.times import compact, iso
from kentongan.types import Quality

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AHEAD = timedelta(minutes=10)
APART = timedelta(minutes=60)
"""Differences to the receive clock that are named: none is on record above 14 minutes."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def picture_size(payload: bytes, path: str, *, max_bytes: int) -> tuple[int, int]:
    """Columns and rows that a PNG declares; nothing is unpacked.

    Raises:
        SourceBlocked: HTML.
        SourceChanged: no PNG, or too many bytes.
    """
    refuse_html(payload, path)
    if payload[:8] != _SIGNATURE or payload[12:16] != b"IHDR" or len(payload) < 33:
        raise SourceChanged(f"{path}: expected a PNG image, found {one_line(payload[:12], 60)}")
    if len(payload) > max_bytes:
        raise SourceChanged(f"{path}: {len(payload)} bytes, expected at most {max_bytes}")
    columns, rows = struct.unpack(">II", payload[16:24])
    return columns, rows


def picture_pixels(payload: bytes, path: str) -> NDArray[np.uint8]:
    """RGB pixels, shape (rows, columns, 3), of a picture whose declared size was checked.

    Raises:
        SourceChanged: damaged or cut short.
    """
    import numpy as np
    from PIL import Image

    require_whole_png(payload, path)
    try:
        with Image.open(io.BytesIO(payload), formats=("PNG",)) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
        raise SourceChanged(
            f"{path}: the image is damaged or cut short ({one_line(error, 80)}); see the archive"
        ) from error


def picture_record(
    pixels: NDArray[np.uint8],
    title: datetime | None,
    context: ReadContext,
    *,
    product: str,
    quality: Quality = Quality.OK,
) -> SatelliteImage:
    """Without a readable title the picture itself is the identity: the same picture in other
    bytes stays the one that was received first, and never looks fresh."""
    source: Literal["title", "receive-clock"] = "title" if title else "receive-clock"
    valid_time = title or context.received_at
    picture = hashlib.sha256(pixels.tobytes()).hexdigest()[:16]
    return SatelliteImage(
        source_id=context.source_id,
        key=f"{product}-{compact(title) if title else 'untimed'}-{picture}",
        sha256=context.sha256,
        document_time=valid_time,
        re_creation=context.re_creation,
        product=product,
        valid_time=valid_time,
        time_source=source,
        quality=quality if title else Quality.DEGRADED,
    )


def title_notes(title: datetime | None, received_at: datetime) -> tuple[str, ...]:
    """What is odd about the time of a picture, one clear line at most."""
    if title is None:
        return (
            "title not readable: time taken from the receive clock "
            f"{iso(received_at)}, quality degraded",
        )
    if title - received_at > AHEAD:
        return (f"title says {iso(title)}, {title - received_at} after it was received",)
    if received_at - title > APART:
        return (f"title says {iso(title)}, {received_at - title} before it was received",)
    return ()
