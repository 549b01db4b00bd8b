"""Draws the app's icons: a kentongan, the slit drum that calls a village.

    python ops/make_icons.py

Writes console/assets/app/*.png and favicon.ico. Everything is drawn here; nothing is taken from
elsewhere.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

FOLDER = Path(__file__).parents[1] / "console" / "assets" / "app"
FINE = 8
"""Drawn so many times larger, then made smaller: smooth edges."""
GROUND, WOOD, GRAIN, SLIT, STRING = "#7a0c22", "#d9a05b", "#b97f3f", "#2b1408", "#f4e3c8"


def drum(size: int, *, room: float, ground: str | None = GROUND) -> Image.Image:
    """A square of `size` px; the drum takes the middle and leaves `room` (0..1) free around it.

    Maskable icons are cut to a circle of 80 % of the width by phones (W3C manifest), so these
    leave more room.
    """
    full = size * FINE
    image = Image.new("RGBA", (full, full), ground or (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    high = full * (1 - 2 * room)
    wide = high * 0.46
    left, top = (full - wide) / 2, full * room
    pen.line(
        [(full / 2, 0 if ground else top), (full / 2, top + high * 0.1)], fill=STRING,
        width=max(1, round(full * 0.025)),
    )  # fmt: skip
    pen.rounded_rectangle([left, top + high * 0.06, left + wide, top + high], wide * 0.42, WOOD)
    for share in (0.2, 0.8):
        x = left + wide * share
        pen.line(
            [(x, top + high * 0.22), (x, top + high * 0.84)], fill=GRAIN,
            width=max(1, round(wide * 0.04)),
        )  # fmt: skip
    slit = wide * 0.16
    pen.rounded_rectangle(
        [full / 2 - slit / 2, top + high * 0.26, full / 2 + slit / 2, top + high * 0.8],
        slit / 2, SLIT,
    )  # fmt: skip
    return image.resize((size, size), Image.Resampling.LANCZOS)


def badge(size: int) -> Image.Image:
    """One colour on nothing, as Android draws it into its status bar."""
    shape = drum(size, room=0.02, ground=None)
    pixels = [
        (255, 255, 255, 0 if a < 128 or r + g + b < 200 else 255)
        for r, g, b, a in shape.get_flattened_data()
    ]
    found = Image.new("RGBA", shape.size)
    found.putdata(pixels)
    return found


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for size in (192, 512):
        _save(drum(size, room=0.09), f"icon-{size}.png")
        _save(drum(size, room=0.2), f"maskable-{size}.png")
    _save(drum(180, room=0.12), "apple-touch-icon.png")
    badge(96).save(FOLDER / "badge-96.png", optimize=True)
    small = drum(48, room=0.04).convert("RGBA")
    small.save(FOLDER / "favicon.ico", sizes=[(16, 16), (32, 32), (48, 48)])


def _save(image: Image.Image, name: str) -> None:
    """In 64 colours: a quarter of the bytes, no difference to see."""
    colours = image.convert("RGB").quantize(64, dither=Image.Dither.NONE)
    colours.save(FOLDER / name, optimize=True)


if __name__ == "__main__":
    main()
