"""BMKG's Himawari-9 rainfall-potential image, overwritten in place every ten minutes.

Page: docs/sources. The only time is drawn into the picture; the pixels are decoded in
`processing`. Here the image is judged: is it the one that we know, and of when is it?
"""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from ingest.image_title import title_time
from ingest.payload import one_line, refuse_html
from ingest.png import require_whole_png
from ingest.source import Link, ReadContext, Reading, SourceInfo
from kentongan.errors import SourceChanged
from kentongan.records import SatelliteImage
from kentongan.times import compact, iso
from kentongan.types import Quality

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIZE = (1674, 1118)
"""Columns and rows; the georeference holds for this size alone."""
MAX_BYTES = 6_000_000
"""An image on record has 0.4 MB; raw pixels would be 5.6 MB."""
CLASS_COLOURS = ((127, 255, 255), (85, 255, 85), (255, 255, 85), (255, 42, 85))
"""Slight, Moderate, Heavy, Very Heavy."""
OTHER_COLOURS = ((255, 255, 255), (255, 226, 171), (151, 86, 67), (153, 153, 153), (0, 0, 0))
"""Background, land, coast and borders, grid, frame."""
MIN_KNOWN_SHARE = 0.85
"""Share of flat, known colours on the map; 0.95 on record, the rest are soft edges."""
MAX_STRANGE_SHARE = 0.004
"""Share of any one unknown colour; at most 0.0028 on record (soft edges on white)."""
_MAP = (slice(66, 1110), slice(6, 1520))
"""Rows and columns without title bar, frame and legend."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_AHEAD = timedelta(minutes=10)
_APART = timedelta(minutes=60)


class HimawariRp:
    info = SourceInfo(
        source_id="himawari-rp",
        title="Himawari-9 rainfall potential",
        provider="BMKG",
        licence="undocumented address of BMKG's; name BMKG as the source",
        documentation="docs/sources/himawari-rp.md",
        base="bmkg_satellite_url",
        cadence=timedelta(minutes=10),
        late_after=timedelta(minutes=40),
        history=False,
        periodic=True,
    )

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:  # noqa: ARG002
        return ["/IMAGE/HIMA/H08_RP_Indonesia.png"]

    def links(self, payload: bytes, path: str) -> Sequence[Link]:  # noqa: ARG002
        return ()

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        pixels = _pixels(payload, context.path)
        _check_palette(pixels, context.path)
        title = title_time(pixels)
        record = _record(pixels, title, context)
        return Reading((record,), (), _notes(title, context.received_at), record.valid_time)


def _pixels(payload: bytes, path: str) -> NDArray[np.uint8]:
    """RGB pixels, shape (rows, columns, 3); nothing is unpacked before its size is known.

    Raises:
        SourceBlocked: HTML.
        SourceChanged: no PNG, of another size, or damaged.
    """
    import numpy as np
    from PIL import Image

    _check_header(payload, path)
    require_whole_png(payload, path)
    try:
        with Image.open(io.BytesIO(payload), formats=("PNG",)) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
        raise SourceChanged(
            f"{path}: the image is damaged or cut short ({one_line(error, 80)}); see the archive"
        ) from error


def _check_header(payload: bytes, path: str) -> None:
    refuse_html(payload, path)
    if payload[:8] != _SIGNATURE or payload[12:16] != b"IHDR" or len(payload) < 33:
        raise SourceChanged(f"{path}: expected a PNG image, found {one_line(payload[:12], 60)}")
    size = struct.unpack(">II", payload[16:24])
    if size != SIZE:
        raise SourceChanged(
            f"{path}: an image of another size, expected {SIZE[0]}x{SIZE[1]}, found "
            f"{size[0]}x{size[1]}; its georeference is unknown, a person must look"
        )
    if len(payload) > MAX_BYTES:
        raise SourceChanged(f"{path}: {len(payload)} bytes, expected at most {MAX_BYTES}")


def _check_palette(pixels: NDArray[np.uint8], path: str) -> None:
    """Raises:
    SourceChanged: another product, another palette, or no land at all.
    """
    import numpy as np

    area = pixels[_MAP].astype(np.uint32)
    codes = (area[..., 0] << 16) | (area[..., 1] << 8) | area[..., 2]
    colours, counts = np.unique(codes, return_counts=True)
    known = np.array([r << 16 | g << 8 | b for r, g, b in CLASS_COLOURS + OTHER_COLOURS])
    strange = ~np.isin(colours, known)
    share = counts / codes.size
    if float(share[~strange].sum()) < MIN_KNOWN_SHARE:
        raise SourceChanged(
            f"{path}: an image of another palette, {share[~strange].sum():.0%} of the map in the "
            f"known colours, expected {MIN_KNOWN_SHARE:.0%}; a person must look"
        )
    if strange.any() and float(share[strange].max()) > MAX_STRANGE_SHARE:
        worst = int(colours[strange][share[strange].argmax()])
        raise SourceChanged(
            f"{path}: an image of another palette, colour #{worst:06x} fills "
            f"{share[strange].max():.1%} of the map; a person must look"
        )


def _record(
    pixels: NDArray[np.uint8], title: datetime | None, context: ReadContext
) -> SatelliteImage:
    """Without a readable title the picture itself is the identity: the same picture in other
    bytes stays the one that was received first, and never looks fresh."""
    source: Literal["title", "receive-clock"] = "title" if title else "receive-clock"
    valid_time = title or context.received_at
    picture = hashlib.sha256(pixels.tobytes()).hexdigest()[:16]
    return SatelliteImage(
        source_id=context.source_id,
        key=f"RP-{compact(title) if title else 'untimed'}-{picture}",
        sha256=context.sha256,
        document_time=valid_time,
        re_creation=context.re_creation,
        product="RP",
        valid_time=valid_time,
        time_source=source,
        quality=Quality.OK if title else Quality.DEGRADED,
    )


def _notes(title: datetime | None, received_at: datetime) -> tuple[str, ...]:
    if title is None:
        return (
            "title not readable: time taken from the receive clock "
            f"{iso(received_at)}, quality degraded",
        )
    if title - received_at > _AHEAD:
        return (f"title says {iso(title)}, {title - received_at} after it was received",)
    if received_at - title > _APART:
        return (f"title says {iso(title)}, {received_at - title} before it was received",)
    return ()
