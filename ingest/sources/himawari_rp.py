"""BMKG's Himawari-9 rainfall-potential image, overwritten in place every ten minutes.

Page: docs/sources. The only time is drawn into the picture; the pixels are decoded in
`processing`. Here the image is judged: is it the one that we know, and of when is it?
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ingest.read.image_title import title_time
from ingest.read.picture import picture_pixels, picture_record, picture_size, title_notes
from ingest.source import Link, ReadContext, Reading, SourceInfo
from kentongan.errors import SourceChanged

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
        record = picture_record(pixels, title, context, product="RP")
        return Reading((record,), (), title_notes(title, context.received_at), record.valid_time)


def _pixels(payload: bytes, path: str) -> NDArray[np.uint8]:
    """RGB pixels, shape (rows, columns, 3); nothing is unpacked before its size is known.

    Raises:
        SourceBlocked: HTML.
        SourceChanged: no PNG, of another size, or damaged.
    """
    size = picture_size(payload, path, max_bytes=MAX_BYTES)
    if size != SIZE:
        raise SourceChanged(
            f"{path}: an image of another size, expected {SIZE[0]}x{SIZE[1]}, found "
            f"{size[0]}x{size[1]}; its georeference is unknown, a person must look"
        )
    return picture_pixels(payload, path)


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
