"""Small charts as SVG, for notebooks and pages: no library, nothing to load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from console.words import number

COLOURS = ("#1f5fa8", "#c4561e", "#4d7f3a", "#7a4e9c")
"""Apart for colour-blind eyes, too."""
WIDTH, LEFT, RIGHT = 760, 70, 20
_BAR, _GAP = 13, 8


@dataclass(frozen=True)
class Axis:
    """What stands along an axis, with its unit, and its ends."""

    words: str
    low: float
    high: float
    step: float


def bars(title: str, unit: str, names: Sequence[str], series: Mapping[str, Sequence[int]]) -> str:
    """Grouped bars, one group a name, with the numbers.

    Args:
        unit: of the numbers.
        series: as many numbers as names, each.
    """
    most = max((max(values, default=0) for values in series.values()), default=0) or 1
    room = WIDTH - LEFT - RIGHT - 110
    group = _BAR * len(series) + _GAP
    parts = [_text(10, 20, title, size=14), *_legend(list(series))]
    for i, name in enumerate(names):
        top = 60 + i * group
        parts.append(_text(LEFT - 8, top + _BAR, name, anchor="end"))
        for k, values in enumerate(series.values()):
            length = values[i] / most * room
            y = top + k * _BAR
            parts.append(
                f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{_BAR - 2}" '
                f'fill="{COLOURS[k % len(COLOURS)]}"/>'
            )
            parts.append(_text(LEFT + length + 5, y + _BAR - 3, f"{number(values[i])} {unit}"))
    return _svg(60 + group * len(names) + 10, parts)


def curves(
    title: str, x: Sequence[float], series: Mapping[str, Sequence[float]], across: Axis, up: Axis
) -> str:
    """Lines over a common axis, with a grid; what is not finite is left out."""
    height, top, bottom = 330, 60, 280
    parts = [_text(10, 20, title, size=14), *_legend(list(series))]

    def place(value: float, axis: Axis, start: float, end: float) -> float:
        return start + (value - axis.low) / (axis.high - axis.low) * (end - start)

    for value in _ticks(across):
        at = place(value, across, LEFT, WIDTH - RIGHT)
        parts.append(f'<path d="M{at:.1f} {top}V{bottom}" stroke="#ddd"/>')
        parts.append(_text(at, bottom + 16, f"{value:g}", anchor="middle"))
    for value in _ticks(up):
        at = place(value, up, bottom, top)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(_text(LEFT - 8, at + 4, f"{value:g}", anchor="end"))
    for k, values in enumerate(series.values()):
        points = " ".join(
            f"{place(a, across, LEFT, WIDTH - RIGHT):.1f},{place(b, up, bottom, top):.1f}"
            for a, b in zip(x, values, strict=True)
            if across.low <= a <= across.high and up.low <= b <= up.high
        )
        colour = COLOURS[k % len(COLOURS)]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
    parts.append(_text((LEFT + WIDTH) / 2, bottom + 36, across.words, anchor="middle"))
    parts.append(_text(10, top - 8, up.words))
    return _svg(height, parts)


def _ticks(axis: Axis) -> list[float]:
    count = round((axis.high - axis.low) / axis.step)
    return [axis.low + i * axis.step for i in range(count + 1)]


def _legend(names: Sequence[str]) -> list[str]:
    parts = []
    for k, name in enumerate(names):
        x = LEFT + k * 220
        parts.append(
            f'<rect x="{x}" y="32" width="11" height="11" fill="{COLOURS[k % len(COLOURS)]}"/>'
        )
        parts.append(_text(x + 16, 42, name))
    return parts


def _text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">'
        f"{escape(words)}</text>"
    )


def _svg(height: float, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" font-family="sans-serif">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )
