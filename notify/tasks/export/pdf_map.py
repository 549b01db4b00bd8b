"""The small map of one coordinator's tasks on paper: villages, ways, shelters, a bar of length."""

from __future__ import annotations

from collections.abc import Sequence

from reportlab.pdfgen.canvas import Canvas

from kentongan.plan import ROADS, Leg
from notify.tasks.export.scale import Scale
from notify.tasks.export.sheet import Point, is_place, place_of, thinned
from notify.tasks.listing import STRAIGHT_WORDS, TaskLine

MAP_HEIGHT = 170.0
_MARGIN = 16.0
_MOST_POINTS = 40
"""Of one way; enough for the eye."""
_LABEL = (34.0, 8.0)
"""Width and height of a number; one that would lie on another is left out."""


def draw_map(
    canvas: Canvas, lines: Sequence[TaskLine], *, left: float, top: float, width: float
) -> None:
    """
    Args:
        left, top: of the picture's upper left corner, points; it is `MAP_HEIGHT` high.
    """
    places = [(line, place) for line in lines if (place := place_of(line)) is not None]
    ways = [(leg, points) for line in lines for leg in line.legs if (points := _points(leg))]
    canvas.setLineWidth(0.5)
    canvas.setStrokeGray(0.4)
    canvas.rect(left, top - MAP_HEIGHT, width, MAP_HEIGHT)
    canvas.setStrokeGray(0)
    canvas.setFont("Helvetica", 7)
    spots = [place for _, place in places] + [p for _, points in ways for p in points]
    if not spots:
        canvas.drawString(left + 6, top - 12, "Tidak ada letak yang diketahui.")
        return
    scale = Scale.of(spots, width=width, height=MAP_HEIGHT, margin=_MARGIN)

    def at(place: Point) -> Point:
        x, y = scale.at(*place)
        return left + x, top - y

    for leg, points in ways:
        _way(canvas, [at(point) for point in points], straight=leg.way != ROADS)
    for line, place in places:
        _village(canvas, line, at(place))
    _numbers(canvas, [(line.task_id, at(place)) for line, place in places])
    _legend(canvas, scale, left=left, lower=top - MAP_HEIGHT)


def _points(leg: Leg) -> tuple[Point, ...]:
    points = tuple(point for point in leg.line if is_place(*point))
    return thinned(points, _MOST_POINTS) if len(points) > 1 else ()


def _way(canvas: Canvas, points: Sequence[Point], *, straight: bool) -> None:
    canvas.setDash([3, 2] if straight else [])
    path = canvas.beginPath()
    path.moveTo(*points[0])
    for point in points[1:]:
        path.lineTo(*point)
    canvas.drawPath(path)
    canvas.setDash([])
    x, y = points[-1]
    canvas.setFillGray(1)
    canvas.rect(x - 3, y - 3, 6, 6, fill=1)
    canvas.setFillGray(0)


def _village(canvas: Canvas, line: TaskLine, place: Point) -> None:
    x, y = place
    canvas.setFillGray({4: 0.0, 3: 0.45}.get(line.level, 0.75))
    canvas.circle(x, y, 3.2, fill=1)
    canvas.setFillGray(0)


def _numbers(canvas: Canvas, places: Sequence[tuple[str, Point]]) -> None:
    """The most urgent first."""
    wide, high = _LABEL
    labels: list[Point] = []
    for number, (x, y) in places:
        if not any(abs(x - other) < wide and abs(y - above) < high for other, above in labels):
            canvas.drawString(x + 5, y + 1, number)
            labels.append((x, y))


def _legend(canvas: Canvas, scale: Scale, *, left: float, lower: float) -> None:
    bar = scale.bar_km * scale.per_km
    canvas.setLineWidth(1.5)
    canvas.line(left + 8, lower + 7, left + 8 + bar, lower + 7)
    canvas.setLineWidth(0.5)
    said = (
        f"{scale.bar_km:g} km. Utara di atas. Bulat: desa (hitam: Awas). Kotak: tempat. "
        f"Putus-putus: {STRAIGHT_WORDS}."
    )
    canvas.drawString(left + 14 + bar, lower + 5, said)
