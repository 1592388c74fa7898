"""The brief as PDF, one page of A4, with a font of this machine that knows Latin and Cyrillic."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from fpdf import FPDF

from detente.brief.facts import STORIES, Brief
from detente.dashboard.charts import Point
from detente.dashboard.rendering import ADDS, clip, signed
from detente.errors import ConfigError
from detente.moments import moment

_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "/System/Library/Fonts")
_FONTS = (
    "DejaVuSans",
    "NotoSans-Regular",
    "LiberationSans-Regular",
    "Arial",
    "FreeSans",
    "Roboto-Regular",
)
_SIGNATURES = (b"\x00\x01\x00\x00", b"true", b"OTTO")
_INK, _FAINT, _RULE = (27, 31, 36), (90, 97, 105), (220, 218, 211)
_FRIENDLY, _HOSTILE = (29, 107, 76), (163, 42, 31)
_LINES = ((28, 79, 138), (163, 71, 10))
_MARGIN, _WIDTH = 16.0, 178.0
_CHART_HEIGHT = 34.0
_LAST_LINE = 268.0


def find_font() -> Path:
    """Raises ConfigError where there is none."""
    found = {
        file.stem: file
        for folder in map(Path, _FOLDERS)
        if folder.is_dir()
        for file in sorted(folder.rglob("*.ttf"))
    }
    for name in _FONTS:
        if name in found:
            return found[name]
    raise ConfigError(
        "brief: no font for a PDF is here; install one (Debian: fonts-dejavu-core), or name a "
        ".ttf file with --font; an .html or .md file needs none"
    )


def as_pdf(brief: Brief, font: Path | None = None) -> bytes:
    """Stories that don't fit the page are left out, and the page says how many. Raises ConfigError
    for a font that isn't one."""
    # Which sign a font lacks is no concern of whoever reads the log.
    logging.getLogger("fpdf").setLevel(logging.ERROR)
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    page = _Page(font or find_font())
    page.heading(brief.title, 15)
    page.small(
        f"Made {moment(brief.made)} UTC by Détente. Scores reach from −1 (hostile) to +1 "
        "(friendly); a model judges, and errs."
    )
    for one in brief.shown.standings:
        interval = "" if one.low is None else f"95 %: {signed(one.low)} to {signed(one.high)}; "
        before = "" if one.before is None else f"; {signed(one.before)} {brief.before}"
        page.scored(one.name, one.mean, f"{interval}{one.count} articles in {brief.span}{before}")
    page.heading("The last thirty days", 11)
    page.chart(list(brief.shown.series.items()), brief.shown.start, brief.shown.end)
    for move in brief.shown.moves:
        shown = f": {move.article.title}" if move.article else ""
        page.text(
            f"{move.day}: {move.name} {signed(move.mean)}, after {signed(move.before)} in the week "
            f"before{clip(shown, 160)}"
        )
    page.heading("What happened", 11)
    stories = brief.shown.stories[:STORIES]
    left = 0
    for place, story in enumerate(stories):
        if page.is_full:
            left = len(stories) - place
            break
        page.heading(clip(story.article.title, 160), 9.5)
        said = [clip(story.article.outlet, 80), moment(story.article.published)]
        said += [f"{toward.replace('>', '→')} {signed(it)}" for toward, it in story.article.scores]
        said += [f"{story.outlets} outlets"] if story.outlets > 1 else []
        page.small("; ".join([*filter(None, said), *(ADDS[add] for add in story.adds)]))
        if story.article.evidence:
            page.quote(clip(" ".join(story.article.evidence["text"].split()), 260))
        if story.article.link:
            page.link(clip(story.article.link, 110), story.article.link)
    if not stories:
        page.text("Nothing about the two sides.")
    page.small(f"{left} more stories are on the dashboard." if left else "")
    page.small(brief.rests_on)
    return page.bytes()


class _Page:
    """A page of A4 that is written from top to bottom; sizes in millimetres, of text in points."""

    def __init__(self, font: Path) -> None:
        self._pdf = FPDF(format="A4")
        self._pdf.set_margins(_MARGIN, 13)
        self._pdf.set_auto_page_break(auto=False)
        self._pdf.set_title("Détente")
        self._pdf.set_lang("en")
        self._pdf.add_page()
        try:
            # Looked at here first: the font library leaves a file open that is no font.
            if font.read_bytes()[:4] not in _SIGNATURES:
                raise ValueError("it doesn't begin as one")
            self._pdf.add_font("text", fname=font)
        except Exception as error:  # the font library raises what it likes
            raise ConfigError(f"brief: {font}: can't be read as a TrueType font: {error}") from None

    @property
    def is_full(self) -> bool:
        return self._pdf.get_y() > _LAST_LINE - 26

    def bytes(self) -> bytes:
        return bytes(self._pdf.output())

    def heading(self, text: str, size: float) -> None:
        self._pdf.ln(1.2)
        self._write(text, size, _INK)

    def text(self, text: str) -> None:
        self._write(text, 8.5, _INK)

    def small(self, text: str) -> None:
        if text:
            self._write(text, 7.5, _FAINT)

    def quote(self, text: str) -> None:
        before = self._pdf.get_y()
        self._pdf.set_x(_MARGIN + 3)
        self._write(text, 8.5, _INK, indent=3)
        self._pdf.set_draw_color(*_RULE)
        self._pdf.set_line_width(0.8)
        self._pdf.line(_MARGIN + 1, before + 0.5, _MARGIN + 1, self._pdf.get_y() - 0.5)

    def link(self, text: str, address: str) -> None:
        self._write(text, 7.5, _LINES[0], link=address)

    def scored(self, name: str, score: float | None, said: str) -> None:
        self._pdf.ln(1)
        colour = _FAINT if score is None else _FRIENDLY if score > 0 else _HOSTILE
        self._pdf.set_font("text", size=11)
        self._pdf.set_text_color(*_INK)
        self._pdf.cell(62, 6, name)
        self._pdf.set_text_color(*colour)
        self._pdf.cell(18, 6, signed(score))
        self._pdf.set_font("text", size=7.5)
        self._pdf.set_text_color(*_FAINT)
        self._pdf.cell(0, 6, said, new_x="LMARGIN", new_y="NEXT")

    def chart(self, series: Sequence[tuple[str, Sequence[Point]]], start: date, end: date) -> None:
        top, days = self._pdf.get_y() + 1, max(1, (end - start).days)

        def place(day: date, score: float) -> tuple[float, float]:
            x = _MARGIN + (day - start).days / days * _WIDTH
            return x, top + (1 - score) / 2 * _CHART_HEIGHT

        self._pdf.set_line_width(0.15)
        self._pdf.set_draw_color(*_RULE)
        for score in (1, 0.5, 0, -0.5, -1):
            self._pdf.line(*place(start, score), *place(end, score))
        for colour, (_, line) in zip(_LINES, series, strict=False):
            self._pdf.set_draw_color(*colour)
            self._pdf.set_line_width(0.15)
            for one in line:
                self._pdf.line(*place(one.day, one.low), *place(one.day, one.high))
            self._pdf.set_line_width(0.5)
            self._pdf.polyline([place(one.day, one.mean) for one in line])
        self._pdf.set_y(top + _CHART_HEIGHT + 1)
        self._pdf.set_font("text", size=7.5)
        for colour, (name, _) in zip(_LINES, series, strict=False):
            self._pdf.set_text_color(*colour)
            self._pdf.cell(52, 4, name)
        self._pdf.set_text_color(*_FAINT)
        legend = f"{start:%-d %b} to {end:%-d %b}; −1 to +1, with 95 % intervals"
        self._pdf.cell(0, 4, legend, new_x="LMARGIN", new_y="NEXT")

    def _write(
        self,
        text: str,
        size: float,
        colour: Iterable[int],
        *,
        indent: float = 0.0,
        link: str = "",
    ) -> None:
        self._pdf.set_font("text", size=size)
        self._pdf.set_text_color(*colour)
        self._pdf.set_x(_MARGIN + indent)
        self._pdf.multi_cell(
            _WIDTH - indent,
            size * 0.46,
            " ".join(text.split()),
            align="L",
            link=link,
            new_x="LMARGIN",
            new_y="NEXT",
        )
