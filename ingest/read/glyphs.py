"""Printed characters to text: shape against shapes that we draw ourselves.

A glyph is cut out, stretched to one small grid and compared (Pearson correlation) with glyphs
drawn in Pillow's own font in three weights, among those with as many holes. A bad or an
undecided match is no match: nobody is served by a guessed time.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Shape = NDArray[np.float64]

_GRID = (12, 18)
"""Columns and rows of the comparison grid: strokes of a bold digit are 2 to 3 cells wide."""
MIN_LIKENESS = 0.6
"""Correlation from which two drawings count as one character; strangers lie below 0.5."""
MIN_LEAD = 0.03
"""By which the best character must lead the second; the number of holes decides as well."""
_MIN_HOLE = 0.025
"""Share of the box from which an enclosed patch is a hole and no speck; an 8 has 0.05 each."""
_HOLES = {"0": 1, "4": 1, "6": 1, "8": 2, "9": 1}
"""Enclosed patches of a well drawn character; none for the others."""
CHARACTERS = "0123456789/UTC"


def split_words(ink: Mask) -> list[list[Mask]]:
    """Glyphs in reading order, in words: dots of one character are one glyph.

    `ink` has shape (rows, columns). A gap of nearly half the glyphs' height ends a word.
    """
    boxes = _boxes(ink)
    if not boxes:
        return []
    height = sorted(rows.stop - rows.start for rows, _ in boxes)[len(boxes) // 2]
    words: list[list[Mask]] = []
    edge = None
    for rows, columns in boxes:
        if edge is None or columns.start - edge > 0.45 * height:
            words.append([])
        words[-1].append(ink[rows, columns])
        edge = columns.stop
    return words


def _boxes(ink: Mask) -> list[tuple[slice, slice]]:
    """Bounding boxes from left to right; parts that stand above each other are joined."""
    import numpy as np
    from scipy import ndimage

    labels, count = ndimage.label(ink, np.ones((3, 3)))
    if count > 200:
        return []
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    parts = [box for i, box in enumerate(ndimage.find_objects(labels), 1) if sizes[i] >= 8]
    joined: list[tuple[slice, slice]] = []
    for rows, columns in sorted(parts, key=lambda box: box[1].start):
        if joined and _overlap(joined[-1][1], columns) >= 0.6:
            above, left = joined.pop()
            rows = slice(min(rows.start, above.start), max(rows.stop, above.stop))
            columns = slice(min(columns.start, left.start), max(columns.stop, left.stop))
        joined.append((rows, columns))
    return joined


def _overlap(a: slice, b: slice) -> float:
    shared = min(a.stop, b.stop) - max(a.start, b.start)
    return float(shared / min(a.stop - a.start, b.stop - b.start))


def read_character(glyph: Mask, among: str = CHARACTERS) -> str:
    """The character, or an empty text if none is clearly meant.

    The likest drawing and the number of holes must agree: a 6 that ran shut has two holes like
    an 8, and neither is believed.
    """
    shape = _shape(glyph)
    likeness = {c: max(_correlation(shape, other) for other in _drawn(c)) for c in among}
    best, second = sorted(among, key=lambda c: -likeness[c])[:2]
    sure = likeness[best] >= MIN_LIKENESS and likeness[best] - likeness[second] >= MIN_LEAD
    return best if sure and _holes(glyph) == _HOLES.get(best, 0) else ""


def is_colon(glyph: Mask) -> bool:
    """Two dots above each other with nothing between."""
    filled = [bool(row.any()) for row in glyph]
    turns = sum(above != below for above, below in pairwise(filled))
    return filled[0] and filled[-1] and turns == 2 and glyph.shape[0] > 1.5 * glyph.shape[1]


def _shape(glyph: Mask) -> Shape:
    import numpy as np
    from PIL import Image

    picture = Image.fromarray(glyph.astype(np.uint8) * 255)
    return np.asarray(picture.resize(_GRID, Image.Resampling.BOX), dtype=np.float64)


def _correlation(a: Shape, b: Shape) -> float:
    import numpy as np

    if a.std() == 0 or b.std() == 0:
        return -1.0
    value: float = np.corrcoef(a.ravel(), b.ravel())[0, 1]
    return value


def _holes(glyph: Mask) -> int:
    import numpy as np
    from scipy import ndimage

    labels, count = ndimage.label(np.pad(~glyph, 1, constant_values=True))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    outside = labels[0, 0]
    least = _MIN_HOLE * glyph.size
    return sum(1 for i in range(1, count + 1) if i != outside and sizes[i] >= least)


@cache
def _drawn(character: str) -> tuple[Shape, ...]:
    """Our own drawings of one character, thin to bold, without those that run shut."""
    pictures = [_from_font(character, weight) for weight in (0, 2, 4)]
    if character in "69":
        sixes = [_straight_six(weight) for weight in (8, 12, 16)]
        pictures += sixes if character == "6" else [six[::-1, ::-1] for six in sixes]
    if character == "1":
        pictures += [_one_with_foot(weight) for weight in (8, 12, 16)]
    holes = _HOLES.get(character, 0)
    return tuple(_shape(g) for g in map(_cut, pictures) if _holes(g) == holes)


def _from_font(character: str, weight: int) -> Mask:
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("L", (140, 140), 0)
    font = ImageFont.load_default(size=72)
    ImageDraw.Draw(picture).text((30, 20), character, fill=255, font=font, stroke_width=weight)
    return np.asarray(np.asarray(picture) > 127)


def _straight_six(weight: int) -> Mask:
    """A 6 as on road signs, a ring with a straight stem; turned by half, a 9."""
    import numpy as np
    from PIL import Image, ImageDraw

    picture = Image.new("L", (100, 140), 0)
    pen = ImageDraw.Draw(picture)
    pen.ellipse((16, 62, 78, 124), outline=255, width=weight)
    pen.line((64, 18, 22, 82), fill=255, width=weight + 4)
    return np.asarray(np.asarray(picture) > 127)


def _one_with_foot(weight: int) -> Mask:
    import numpy as np
    from PIL import Image, ImageDraw

    picture = Image.new("L", (100, 140), 0)
    pen = ImageDraw.Draw(picture)
    pen.line((50, 20, 50, 120), fill=255, width=weight)
    pen.line((22, 28, 50, 22), fill=255, width=weight)
    pen.line((20, 120 - weight // 2, 80, 120 - weight // 2), fill=255, width=weight)
    return np.asarray(np.asarray(picture) > 127)


def _cut(ink: Mask) -> Mask:
    import numpy as np

    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
