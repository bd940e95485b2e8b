"""A table of text: columns as wide as their content needs, and no wider than the page."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Sequence
from typing import Literal, NamedTuple

from layergraph.errors import ArgumentError

Side = Literal["left", "right", "center"]
Cell = list[list[str]]
"""Lines, each of pieces between which it may be broken."""

PAGE = 100
_INDICES = re.compile(r"(.*?)((?:\[\w+\])*,?)", re.DOTALL)
_LEAST = 4
_CONNECTION = 16


class Column(NamedTuple):
    """A column's title and side; a firm one is never made narrower than its content."""

    title: str
    side: Side = "left"
    firm: bool = False


def safe(text: str) -> str:
    """A name as it may reach a terminal: what does not print (escapes, newlines, direction marks) as Python writes it.

    >>> safe("a\\x1b[31m")
    'a\\\\x1b[31m'
    """
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return "".join(letter if letter.isprintable() and letter != "\\" else repr(letter)[1:-1] for letter in text)


def width(text: str) -> int:
    """How many places a text takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(letter) in ("Mn", "Me") else 2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text
    )


def render(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], line_length: int | None, positions: Sequence[float] | None) -> str:
    """The table as text. Raises ArgumentError where the page is too narrow."""
    widths = _at_positions(columns, line_length, positions) if positions is not None else _fitted(columns, rows, line_length)
    if min(widths) < _LEAST:
        raise ArgumentError(
            f"summary: a page of {line_length or PAGE} characters is too narrow for {len(columns)} columns", "line_length=100"
        )
    lines = [
        _rule("┏━┳┓", widths),
        _line("┃", [_put(c.title, w, c.side) for c, w in zip(columns, widths, strict=True)]),
        _rule("┡━╇┩", widths),
    ]
    for row in rows:
        wrapped = [_wrap(cell, room) for cell, room in zip(row, widths, strict=True)]
        for number in range(max(map(len, wrapped))):
            pieces = [lines_of[number] if number < len(lines_of) else "" for lines_of in wrapped]
            lines.append(_line("│", [_put(piece, w, c.side) for piece, w, c in zip(pieces, widths, columns, strict=True)]))
    return "\n".join([*lines, _rule("└─┴┘", widths)])


def _fitted(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], line_length: int | None) -> list[int]:
    """Natural widths; where they are too wide together, soft columns shrink, from the right, to their longest piece, then below it,
    the connections first: they are names that stand in full to the left."""
    natural: list[int] = []
    least: list[int] = []
    for number, column in enumerate(columns):
        lines = [line for row in rows for line in row[number]]
        title = width(column.title)
        natural.append(max([title, *(sum(map(width, line)) + len(line) - 1 for line in lines)]))
        least.append(max([title, *(width(piece) for line in lines for piece in line)]))
    page = line_length or min(PAGE, shutil.get_terminal_size((PAGE, 24)).columns)
    over = sum(natural) + 3 * len(columns) + 1 - page
    soft = [number for number, column in enumerate(columns) if not column.firm]
    steps = [*((number, least[number]) for number in (*soft[2:], 0, 1)), *((number, _CONNECTION) for number in soft[2:])]
    for number, floor in steps:
        cut = max(0, min(over, natural[number] - floor))
        natural[number] -= cut
        over -= cut
    while over > 0:
        widest = max(soft, key=lambda number: natural[number])
        if natural[widest] <= 8 and line_length is None:  # a terminal this narrow breaks lines in any case
            break
        natural[widest] -= 1
        over -= 1
        if natural[widest] < _LEAST:
            break
    if line_length is not None and over < 0:
        natural[0] -= over
    return natural


def _at_positions(columns: Sequence[Column], line_length: int | None, positions: Sequence[float]) -> list[int]:
    if len(positions) != len(columns):
        raise ArgumentError(
            f"summary: `positions` has {len(positions)} entries, for the columns {', '.join(column.title for column in columns)}"
        )
    page = line_length or PAGE
    ends = [int(position * page) if positions[-1] <= 1 else int(position) for position in positions]
    return [end - start - 3 for start, end in zip([1, *ends], ends, strict=False)]


def _wrap(cell: Cell, room: int) -> list[str]:
    done: list[str] = []
    for line in cell:
        current = ""
        for piece in line:
            if not current:
                current = piece
            elif width(current) + 1 + width(piece) <= room:
                current += f" {piece}"
            else:
                done.append(_cut(current, room))
                current = piece
        done.append(_cut(current, room))
    return done


def _cut(text: str, room: int) -> str:
    """The text in `room` places; of a connection `name[0][0]` it is the name that is cut."""
    if width(text) <= room:
        return text
    match = _INDICES.fullmatch(text)
    text, tail = match.groups() if match is not None else (text, "")
    if width(tail) > room // 2:
        text, tail = text + tail, ""
    while width(text) + width(tail) >= room:
        text = text[: min(len(text) - 1, room - 1)]
    return f"{text}…{tail}"


def _put(text: str, room: int, side: Side) -> str:
    text = _cut(text, room)
    space = room - width(text)
    left = 0 if side == "left" else space if side == "right" else space // 2
    return " " * left + text + " " * (space - left)


def _rule(marks: str, widths: Sequence[int]) -> str:
    left, bar, middle, right = marks
    return left + middle.join(bar * (w + 2) for w in widths) + right


def _line(mark: str, texts: Sequence[str]) -> str:
    inner = f" {'│' if mark == '│' else '┃'} "
    return f"{mark} {inner.join(texts)} {mark}"
