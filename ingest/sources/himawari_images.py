"""BMKG's other satellite pictures: archived and shown, never decoded.

Page: docs/sources. What their colours mean is not published, so nothing is read out of them but
the time in the title bar. Two sources of one shape, since the products come at two paces.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ingest.read.image_title import title_time
from ingest.read.picture import picture_pixels, picture_record, picture_size, title_notes
from ingest.source import Link, ReadContext, Reading, SourceInfo
from ingest.sources.himawari_rp import SIZE
from kentongan.errors import SourceChanged
from kentongan.types import Quality

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIN_SIDE, MAX_SIDE = 200, 4100
"""Pixels; the pictures on record have 1674 x 1118, a radar composite 4084 x 4084."""
MAX_BYTES = 12_000_000
"""Natural colour packs badly: twice the raw pixels of the picture on record at most."""
DISK = {product: f"/IMAGE/HIMA/H08_{product}_Indonesia.png" for product in ("EH", "WE", "NC", "RD")}
"""Enhanced infrared, water vapour, natural colour, rapidly developing clouds."""
CLOUDS = {
    product: f"/IMAGE/HCAI/{product}/HCAI_{product}_Indonesia.png"
    for product in ("CLC", "HTC", "CVC")
}
"""Cloud type, top height, convective cloud."""


class HimawariImages:
    """One set of pictures that are renewed at the same pace. `paths_of`: product → path."""

    def __init__(
        self, info: SourceInfo, paths_of: dict[str, str], size: tuple[int, int] | None
    ) -> None:
        self.info = info
        self.paths_of = paths_of
        self.size = size
        """Columns and rows on record; None: no picture is on record."""

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:  # noqa: ARG002
        return list(self.paths_of.values())

    def links(self, payload: bytes, path: str) -> Sequence[Link]:  # noqa: ARG002
        return ()

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        product = self._product(context.path)
        columns, rows = picture_size(payload, context.path, max_bytes=MAX_BYTES)
        if not all(MIN_SIDE <= side <= MAX_SIDE for side in (columns, rows)):
            raise SourceChanged(
                f"{context.path}: {columns}x{rows} pixels, expected {MIN_SIDE} to {MAX_SIDE} on "
                "each side; a person must look"
            )
        pixels = picture_pixels(payload, context.path)
        _require_content(pixels, context.path)
        title = title_time(pixels)
        odd = self._odd_size(columns, rows)
        quality = Quality.DEGRADED if odd else Quality.OK
        record = picture_record(pixels, title, context, product=product, quality=quality)
        notes = (*title_notes(title, context.received_at), *odd)
        return Reading((record,), (), notes, record.valid_time)

    def _product(self, path: str) -> str:
        plain = path.partition("?")[0]
        for product, known in self.paths_of.items():
            if plain == known:
                return product
        raise SourceChanged(f"{path}: no picture of {self.info.source_id}")

    def _odd_size(self, columns: int, rows: int) -> tuple[str, ...]:
        if self.size is None or (columns, rows) == self.size:
            return ()
        return (
            f"{columns}x{rows} pixels, expected {self.size[0]}x{self.size[1]}: shown as it came, "
            "quality degraded",
        )


def _require_content(pixels: NDArray[np.uint8], path: str) -> None:
    """Raises:
    SourceChanged: one colour all over.
    """
    if bool((pixels == pixels[0, 0]).all()):
        raise SourceChanged(f"{path}: a picture of one colour shows nothing; see the archive")


def _info(source_id: str, title: str, cadence: timedelta, late_after: timedelta) -> SourceInfo:
    return SourceInfo(
        source_id=source_id,
        title=title,
        provider="BMKG",
        licence="undocumented address of BMKG's; name BMKG as the source",
        documentation="docs/sources/himawari-images.md",
        base="bmkg_satellite_url",
        cadence=cadence,
        late_after=late_after,
        history=False,
        periodic=True,
        tier="support",
    )


HIMAWARI_IMAGES = HimawariImages(
    _info(
        "himawari-images",
        "Himawari-9 pictures",
        timedelta(minutes=10),
        timedelta(minutes=40),
    ),
    DISK,
    SIZE,
)
HIMAWARI_CLOUDS = HimawariImages(
    _info(
        "himawari-clouds",
        "Himawari-9 cloud products",
        timedelta(hours=1),
        timedelta(hours=2, minutes=30),
    ),
    CLOUDS,
    None,
)
