"""Tasks on paper: A4, one card a task with boxes to tick, a small map for each coordinator.

Drawn straight on the canvas, because a large quake has thousands of tasks. Names are measured and
wrapped, never interpreted; what the fonts of every PDF reader do not hold becomes a question mark.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from notify.tasks.export.pdf_map import MAP_HEIGHT, draw_map
from notify.tasks.export.sheet import (
    NOTE_CHARS,
    SOURCE,
    Amounts,
    Sheet,
    clean,
    level_word,
    team_words,
)
from notify.tasks.listing import KINDS, TaskLine, moment, summary, words_of

WIDTH: float = A4[0]
HEIGHT: float = A4[1]
MARGIN = 36.0
TEXT_WIDTH = WIDTH - 2 * MARGIN
_BAND = 20.0
_FOOT = 24.0
_SIZE, _LEADING = 9.0, 11.5
_PLAIN, _BOLD = "Helvetica", "Helvetica-Bold"
_TICKS = ("Diterima", "Berangkat", "Tiba", "Selesai")
_BANDS = {
    "Exercise": "LATIHAN - BUKAN KEJADIAN NYATA",
    "Test": "TES - BUKAN KEJADIAN NYATA",
}
_OF_NEEDS = (
    "Hanya orang dari tugas di daftar ini; angka perencanaan. * Angka yang belum dipastikan dari "
    "sumbernya."
)
_SHADES = {4: 0.80, 3: 0.88, 2: 0.94}
"""Grey behind the head of a card, by level: it must be told apart on a black-and-white printer."""


@dataclass(frozen=True)
class Block:
    """Something that is not torn apart between two pages."""

    height: float
    draw: Callable[[Canvas, float], None]
    """Gets the canvas and the height of its upper edge."""
    keeps_next: bool = False
    """Must not stand last on a page."""
    starts_page: bool = False


def pdf(sheet: Sheet) -> bytes:
    """The list; the same sheet gives the same bytes."""
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4, invariant=1, pageCompression=1, lang="id")
    canvas.setTitle(sheet.heading)
    canvas.setAuthor("Kentongan")
    canvas.setSubject(sheet.first_line)
    pages = list(_pages(list(_blocks(sheet)), _top(sheet) - MARGIN - _FOOT))
    for number, page in enumerate(pages, start=1):
        _frame(canvas, sheet, number, len(pages))
        upper = _top(sheet)
        for block in page:
            block.draw(canvas, upper)
            upper -= block.height
        canvas.showPage()
    canvas.save()
    return target.getvalue()


def _top(sheet: Sheet) -> float:
    return HEIGHT - MARGIN - (_BAND + 6 if sheet.status in _BANDS else 0)


def _pages(blocks: Sequence[Block], room: float) -> Iterator[list[Block]]:
    page: list[Block] = []
    left = room
    for number, block in enumerate(blocks):
        if page and (block.starts_page or _together(blocks, number) > left):
            yield page
            page, left = [], room
        page.append(block)
        left -= block.height
    if page:
        yield page


def _together(blocks: Sequence[Block], number: int) -> float:
    """Height of a block and of those that must stand on its page."""
    height = blocks[number].height
    while blocks[number].keeps_next and number + 1 < len(blocks):
        number += 1
        height += blocks[number].height
    return height


def _frame(canvas: Canvas, sheet: Sheet, number: int, count: int) -> None:
    """The mark as a band above, source and page number below."""
    band = _BANDS.get(sheet.status)
    if band:
        canvas.setFillGray(0.1)
        canvas.rect(0, HEIGHT - MARGIN - 2, WIDTH, _BAND, stroke=0, fill=1)
        canvas.setFillGray(1)
        canvas.setFont(_BOLD, 13)
        canvas.drawCentredString(WIDTH / 2, HEIGHT - MARGIN + 4, band)
    canvas.setFillGray(0)
    canvas.setFont(_PLAIN, 8)
    canvas.drawString(MARGIN, MARGIN, _plain(f"{SOURCE}. Keadaan {moment(sheet.at, sheet.zone)}."))
    canvas.drawRightString(WIDTH - MARGIN, MARGIN, f"Halaman {number} dari {count}")


def _blocks(sheet: Sheet) -> Iterator[Block]:
    yield _text(sheet.first_line, size=12, font=_BOLD, boxed=True)
    yield _text(sheet.heading, size=15, font=_BOLD)
    yield _text(sheet.made)
    for number, (coordinator, lines) in enumerate(sheet.groups.items()):
        name = f"Koordinator {clean(coordinator)}"
        head = _text(name, size=12, font=_BOLD, before=8, keeps_next=True)
        yield replace(head, starts_page=number > 0)  # each gets their own sheets
        yield _text(f"{sheet.mark}{summary(lines)}", keeps_next=True)
        yield Block(MAP_HEIGHT + 6, partial(_map, lines), keeps_next=True)
        for line in lines:
            yield _card(line)
    if sheet.needs:
        yield _text("Kebutuhan minimum tiap tempat", size=12, font=_BOLD, before=8, keeps_next=True)
        yield _text(_OF_NEEDS, keeps_next=True)
        for needs in sheet.needs:
            yield _text(_needs(needs), before=3)


def _map(lines: Sequence[TaskLine], canvas: Canvas, upper: float) -> None:
    draw_map(canvas, lines, left=MARGIN, top=upper - 3, width=TEXT_WIDTH)


def _needs(needs: Amounts) -> str:
    people = f"{needs.people:,} jiwa".replace(",", ".")
    hall = f"lantai gedung {needs.hall_m2:,} m2".replace(",", ".")
    return f"{clean(needs.shelter)}: {people}; {hall}; {'; '.join(needs.needs)}."


def _text(
    text: str,
    *,
    size: float = _SIZE,
    font: str = _PLAIN,
    before: float = 2,
    boxed: bool = False,
    keeps_next: bool = False,
) -> Block:
    pad = 5.0 if boxed else 0.0
    lines = wrapped(text, font, size, TEXT_WIDTH - 2 * pad)
    leading = size * 1.28
    height = before + 2 * pad + leading * len(lines) + 2

    def draw(canvas: Canvas, upper: float) -> None:
        canvas.setFillGray(0)
        if boxed:
            canvas.rect(MARGIN, upper - height + 2, TEXT_WIDTH, height - before - 2)
        canvas.setFont(font, size)
        for number, line in enumerate(lines, start=1):
            canvas.drawString(MARGIN + pad, upper - before - pad - leading * number + 3, line)

    return Block(height, draw, keeps_next)


def _card(line: TaskLine) -> Block:
    """One task: number and level, place, people, who goes where, boxes to tick."""
    rows = [row for fact in _facts(line) for row in wrapped(fact, _PLAIN, _SIZE, TEXT_WIDTH - 30)]
    height = 18 + _LEADING * len(rows) + 26

    def draw(canvas: Canvas, upper: float) -> None:
        lower = upper - height + 4
        canvas.setFillGray(_SHADES.get(line.level, 1.0))
        canvas.rect(MARGIN, upper - 16, TEXT_WIDTH, 16, stroke=0, fill=1)
        canvas.setFillGray(0)
        canvas.rect(MARGIN, lower, TEXT_WIDTH, upper - lower)
        canvas.rect(MARGIN + 5, upper - 13, 10, 10)
        canvas.setFont(_BOLD, 10.5)
        canvas.drawString(MARGIN + 22, upper - 12, _head(line))
        canvas.setFont(_PLAIN, _SIZE)
        for number, row in enumerate(rows, start=1):
            canvas.drawString(MARGIN + 22, upper - 17 - _LEADING * number + 3, row)
        _ticks(canvas, lower + 6)

    return Block(height, draw)


def _head(line: TaskLine) -> str:
    head = f"{line.task_id}   {level_word(line)}   {KINDS[line.kind]}: {line.village}"
    return wrapped(head, _BOLD, 10.5, TEXT_WIDTH - 30)[0]


def _facts(line: TaskLine) -> Iterator[str]:
    people = f"{line.people:,} jiwa".replace(",", ".")
    unmet = f"{line.unmet_people:,}".replace(",", ".")
    until = ""
    if line.deadline is not None:
        until = f"; selesai sebelum {moment(line.deadline, line.zone_hours)}"
    place = f"{clean(line.village)}, Kec. {clean(line.district)}, {clean(line.regency)}"
    yield f"{place}. Status: {words_of(line.state)}"
    yield f"{people}, belum tertolong {unmet}{until}"
    yield from team_words(line)
    if line.note:
        yield f"Catatan: {clean(line.note, most=NOTE_CHARS)}"


def _ticks(canvas: Canvas, y: float) -> None:
    x = MARGIN + 22
    for word in _TICKS:
        canvas.rect(x, y, 8, 8)
        canvas.drawString(x + 11, y + 1, word)
        x += 72
    canvas.drawString(x, y + 1, "Jiwa: ________   Paraf: ____________________")


def wrapped(text: str, font: str, size: float, width: float) -> list[str]:
    """Lines no wider than `width` points; a word that is wider is broken."""
    lines: list[str] = []
    current = ""
    for word in _plain(clean(text, most=2_000)).split(" "):
        tried = f"{current} {word}" if current else word
        if stringWidth(tried, font, size) <= width:
            current = tried
            continue
        if current:
            lines.append(current)
        current = word
        while stringWidth(current, font, size) > width:
            cut = _fits(current, font, size, width)
            lines.append(current[:cut])
            current = current[cut:]
    return [*lines, current]


def _fits(word: str, font: str, size: float, width: float) -> int:
    low, high = 1, len(word)
    while low < high:
        middle = (low + high + 1) // 2
        if stringWidth(word[:middle], font, size) <= width:
            low = middle
        else:
            high = middle - 1
    return low


def _plain(text: str) -> str:
    """What the standard fonts of PDF can draw (WinAnsi)."""
    return text.encode("cp1252", errors="replace").decode("cp1252")
