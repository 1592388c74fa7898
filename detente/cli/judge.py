"""`detente judge`: relevance and stance of a text, of a page, or of many texts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from detente.cli.context import load
from detente.cli.judgements import answer, show
from detente.cli.output import print_json

if TYPE_CHECKING:
    from detente.settings import Settings
    from detente.watch import Watch
    from processors.judgement import Judgement, Text

_CHUNK = 64
"""Texts judged at a time: enough for batches of like length, few enough to see progress."""


def judge(
    context: typer.Context,
    text: Annotated[
        str | None, typer.Argument(help="A text or an address; standard input by default.")
    ] = None,
    title: Annotated[str, typer.Option(help="The headline that belongs to the text.")] = "",
    language: Annotated[
        str | None, typer.Option("--lang", help="The text's language, as en; found out by default.")
    ] = None,
    source: Annotated[
        str, typer.Option(help='The outlet\'s host, as state.gov: whose "we" it is.')
    ] = "",
    day: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="YYYY-MM-DD",
            help="When it appeared, as 2014-03-01: it tells who held an office.",
        ),
    ] = None,
    split: Annotated[
        bool, typer.Option("--split/--no-split", help="Judge each sentence, or the text as one.")
    ] = True,
    model: Annotated[
        str | None, typer.Option(help="shipped, keyword, a Hugging Face model or its folder.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Read and write a JSON object a line, in order.")
    ] = False,
) -> None:
    """Judge a text: is it about U.S.-Russia diplomacy, and who stands how toward whom?

    With --jsonl, lines of {"id", "title", "text", "lang"?, "source"?, "day"?} come in, and lines of
    {"id", "relevance", "grounds", "sentences", "dyads", "issues", "quotations", "model"} go out.
    What the watch's gate or the relevance would spare the model is judged here all the same,
    sentence by sentence.
    """
    settings = load(context, processors={"model": model} if model else None)
    if jsonl:
        lines = _Lines(sys.stdin.buffer)
        _judge_lines(settings, lines, split=split)
        if lines.bad:
            typer.echo(f"detente: {lines.bad} lines could not be read", err=True)
            raise typer.Exit(1)
        return
    given = sys.stdin.buffer.read().decode("utf-8", "replace") if text is None else text
    from processors.judgement import Text

    about = Text(title, "", language, source, day.date() if day else None)
    asked = _asked(settings, given.strip(), about)
    judged = _Judging(settings)
    (judgement,) = judged.all([asked], split=split)
    if json:
        print_json(judged.answer(None, asked, judgement))
    else:
        show(judged.answer(None, asked, judgement), asked)


def _asked(settings: Settings, given: str, about: Text) -> Text:
    """What is to be judged: what was given, or what stands at the address that was given."""
    from collectors.page import NoArticle, read_page
    from detente.errors import ConfigError

    if not given and not about.title:
        raise ConfigError("judge: nothing to judge; give a text, an address, or standard input")
    if given.startswith(("http://", "https://")) and len(given.split()) == 1:
        try:
            page = read_page(settings.collectors, given)
        except NoArticle as problem:
            typer.echo(f"detente: {problem}", err=True)
            raise typer.Exit(1) from None
        return about._replace(
            title=about.title or page.title, body=page.text, host=about.host or page.host
        )
    return about._replace(body=given)


class _Judging:
    """The model and the watch, loaded once, and answers in their terms."""

    def __init__(self, settings: Settings) -> None:
        from detente.watch import load_watch
        from processors.costs import Costs
        from processors.judgement import Judge
        from processors.models import open_classifier

        chosen = settings.processors
        self.watch: Watch = load_watch(settings.watch)
        self._classifier = open_classifier(chosen.model, threads=chosen.threads)
        costs = Costs(chosen.wrong_stance, chosen.wrong_relevance)
        self._judge = Judge(self.watch, self._classifier, costs)
        self._judge.warm_up()

    def all(self, texts: Sequence[Text], *, split: bool) -> list[Judgement]:
        return self._judge.judge_every_sentence(texts, split=split)

    def answer(self, id: Any, text: Text, judgement: Judgement) -> dict[str, Any]:
        return answer(id, judgement, self.watch, self._classifier.identity)


class _Line(NamedTuple):
    """One line of input: a text, or what is wrong with it."""

    number: int
    id: Any
    text: Text | None
    error: str = ""


class _Lines:
    """The lines of a JSONL stream; `bad` counts those that can't be judged."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.bad = 0

    def __iter__(self) -> Iterator[_Line]:
        for number, raw in enumerate(self._stream, 1):
            if raw.strip():
                line = _read_line(number, raw)
                self.bad += line.text is None
                yield line


def _read_line(number: int, raw: bytes) -> _Line:
    import msgspec

    from processors.judgement import Text

    class Fields(msgspec.Struct):
        text: str = ""
        title: str | None = None
        lang: str | None = None
        source: str | None = None
        day: date | None = None

    try:
        id = msgspec.json.decode(raw, type=dict[str, Any]).get("id", number)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _Line(number, None, None, f"no JSON object: {error}")
    try:
        fields = msgspec.json.decode(raw, type=Fields)
    except msgspec.ValidationError as error:
        return _Line(number, id, None, str(error))
    if not fields.text and not fields.title:
        return _Line(number, id, None, "neither `text` nor `title`")
    title, host, day = fields.title or "", fields.source or "", fields.day
    return _Line(number, id, Text(title, fields.text, fields.lang, host, day))


def _judge_lines(settings: Settings, lines: _Lines, *, split: bool) -> None:
    judging = _Judging(settings)
    source = iter(lines)
    with _counter() as count:
        while chunk := list(islice(source, _CHUNK)):
            texts = [line.text for line in chunk if line.text is not None]
            judgements = iter(judging.all(texts, split=split))
            for line in chunk:
                if line.text is None:
                    print_json({"id": line.id, "line": line.number, "error": line.error})
                else:
                    print_json(judging.answer(line.id, line.text, next(judgements)))
            sys.stdout.flush()
            count(len(chunk))


@contextmanager
def _counter() -> Iterator[Callable[[int], None]]:
    """Shows on a terminal's standard error how many lines are done."""
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    errors = Console(stderr=True)
    with Progress(
        TextColumn("{task.completed} judged"),
        TimeElapsedColumn(),
        console=errors,
        disable=not errors.is_terminal or sys.stdout.isatty(),
        transient=True,
    ) as progress:
        task = progress.add_task("judged", total=None)
        yield lambda number: progress.advance(task, number)
