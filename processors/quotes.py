"""Who is quoted as saying what: direct and indirect speech, with its speaker and its cue.

Rules over the words outside the quotation marks, sentence by sentence: a cue ("said", "according
to"), the noun phrase that is its subject, and what was said. Words in marks that no cue belongs to
and that continue no quotation are a title or held at a distance, and aren't given. For English.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from processors.cues import (
    ADDRESSEE,
    APPOSED,
    ASIDE,
    BETWEEN,
    BREAK,
    CLAUSAL,
    CUE,
    DATELINE,
    FILL,
    JOINED,
    LEAD,
    NAMING,
    NO_CUE,
    OF_WHOM,
    PART,
    PHRASES,
    PLAIN,
    SPEAKER,
    THAT,
    TRANSCRIPT,
    WHEN_AND_WHERE,
)
from processors.text import LINE, quotations, sentences

Kind = Literal["direct", "indirect"]


class Span(NamedTuple):
    """A piece of a text: `text[start:end]`."""

    start: int
    end: int


class Quote(NamedTuple):
    """What somebody is reported to have said, without marks and without "that".

    `speaker` are the words that name who, as near to the cue as there are any; `cue` those that say
    that it was said. Each is None where the text has none.
    """

    said: Span
    kind: Kind
    speaker: Span | None
    cue: Span | None


def find_quotes(text: str) -> list[Quote]:
    """Every quotation of a text, in order."""
    masked = _masked(text)
    lines = [Span(*line.span()) for line in LINE.finditer(masked)]
    if sum(TRANSCRIPT.match(masked, *line) is not None for line in lines) > 1:
        return [*_transcribed(masked, lines)]
    found: list[Quote] = []
    before = _Before()
    marked = deque(Span(*one) for one in quotations(text))
    for line in lines:
        within = []
        while marked and marked[0].start < line.end:
            within.append(marked.popleft())
        for quote in _Line(text, masked, line, within, before).quotes():
            found.append(quote)
            before = before._replace(speaker=quote.speaker)
        left_open = bool(within) and text[within[-1].end - 1] not in _MARKS
        before = _Before(before.speaker, left_open)
    told = {quote.said: quote for quote in reversed(found) if text[slice(*quote.said)].strip()}
    return [told[said] for said in sorted(told)]


class _Before(NamedTuple):
    """What the lines before leave: their last speaker, and whether a quotation was left open."""

    speaker: Span | None = None
    open: bool = False


class _Attribution(NamedTuple):
    cue: Span
    speaker: Span | None


class _Line:
    """One line of a text: a paragraph."""

    def __init__(
        self, text: str, masked: str, span: Span, quoted: Sequence[Span], before: _Before
    ) -> None:
        self._text = text
        self._masked = masked
        self._span = span
        self._quotations = quoted
        continues = before.open or masked[span.start : span.end].count(FILL) > 0.8 * (
            span.end - span.start
        )
        self._speaker = before.speaker if continues else None

    def quotes(self) -> Iterator[Quote]:
        dateline = DATELINE.match(self._masked, *self._span)
        start = dateline.end() if dateline else self._span.start
        for one in sentences(self._masked[start : self._span.end]):
            yield from self._sentence(Span(start + one.start, start + one.end))

    def _sentence(self, sentence: Span) -> Iterator[Quote]:
        attributions: list[_Attribution] = []
        for cue in _cues(self._masked, sentence):
            before = attributions[-1].speaker if attributions else None
            attributions.append(_attribution(self._masked, sentence, cue, before))
        quoted = [one for one in self._quotations if sentence.start <= one.start < sentence.end]
        used = set()
        for marked in quoted:
            found = self._attributed(marked, sentence, attributions)
            if found and self._names(marked, found):
                continue
            if found:
                used.add(found.cue)
                self._speaker = found.speaker or self._speaker
                yield Quote(_inner(self._text, marked), "direct", found.speaker, found.cue)
            elif speaker := self._uncued(marked, sentence):
                self._speaker = speaker
                yield Quote(_inner(self._text, marked), "direct", speaker, None)
        begin = sentence.start
        ends = [*(one.cue.start for one in attributions[1:]), sentence.end]
        for one, end in zip(attributions, ends, strict=False):
            if one.cue not in used:
                for said in _reported(self._masked, sentence, one, Span(begin, end)):
                    begin = max(said.end, one.cue.end)
                    self._speaker = one.speaker or self._speaker
                    yield Quote(said, "indirect", one.speaker, one.cue)
        if not quoted and not attributions:
            # Who acts before speaking without a cue: 'He turned around. "I know that."'
            self._speaker = _first_subject(self._masked, sentence) or self._speaker

    def _names(self, marked: Span, found: _Attribution) -> bool:
        """Whether the words in marks only say what something is called."""
        words = self._text[slice(*_inner(self._text, marked))]
        return self._text[slice(*found.cue)] in NAMING and words[:1].isupper()

    def _attributed(
        self, marked: Span, sentence: Span, attributions: Sequence[_Attribution]
    ) -> _Attribution | None:
        """The cue next to a quotation: behind it if it opens the sentence, else before it."""
        before = [one for one in attributions if one.cue.end <= marked.start]
        after = [one for one in attributions if one.cue.start >= marked.end]
        opens = not self._masked[sentence.start : marked.start].strip()
        if after and (opens or not before):
            return after[0]
        return before[-1] if before else None

    def _uncued(self, marked: Span, sentence: Span) -> Span | None:
        """The speaker of a quotation without a cue: of the one that it continues, or who stands
        before its colon."""
        lead = self._masked[sentence.start : marked.start].rstrip()
        if lead.endswith(":"):
            return _first_subject(self._masked, Span(sentence.start, marked.start))
        rest = self._masked[marked.end : sentence.end].strip(" .")
        return self._speaker if not lead and not rest else None


def _transcribed(masked: str, lines: Sequence[Span]) -> Iterator[Quote]:
    """A transcript: "MR. PRICE: I can confirm that." and the lines until the next such name."""
    speaker = None
    for line in lines:
        label = TRANSCRIPT.match(masked, *line)
        speaker = Span(*label.span("speaker")) if label else speaker
        if speaker:
            yield Quote(
                Span(label.end() if label else line.start, line.end), "direct", speaker, None
            )


def _cues(masked: str, sentence: Span) -> Iterator[Span]:
    for cue in CUE.finditer(masked, *sentence):
        passive = masked.startswith(" by ", cue.end()) and cue[0] not in PHRASES
        if not passive and not NO_CUE.search(masked[sentence.start : cue.start()] + cue[0]):
            yield Span(*cue.span())


def _attribution(masked: str, sentence: Span, cue: Span, before: Span | None) -> _Attribution:
    """Who speaks by a cue; `before` is who does by the one before it in the sentence."""
    words = masked[cue.start : cue.end].lower()
    if words.startswith(("according", "in the words")):
        rest = Span(cue.end, sentence.end)
        return _Attribution(cue, _speaker_at(masked, rest) or _few_words(masked, rest))
    if words.endswith("ing") and words not in PHRASES:
        return _Attribution(cue, before or _first_subject(masked, sentence))
    lead = masked[sentence.start : cue.start].rstrip(" ,")
    if lead[-1:] in ("", *_MARKS) and (speaker := _speaker_at(masked, Span(cue.end, sentence.end))):
        return _Attribution(cue, speaker)
    return _Attribution(cue, _subject(masked, Span(sentence.start, cue.start)))


def _speaker_at(masked: str, span: Span) -> Span | None:
    """The noun phrase at the beginning; of an office with its holder's name, the name."""
    start = span.start
    while start < span.end and masked[start].isspace():
        start += 1
    found = SPEAKER.match(masked, start, span.end)
    if found and found["office"] and (named := APPOSED.match(masked, found.end(), span.end)):
        return Span(*named.span("name"))
    return _trimmed(masked, Span(*found.span())) if found else None


def _few_words(masked: str, span: Span) -> Span | None:
    """ "According to police", "according to him"."""
    found = PLAIN.match(masked, *span)
    return Span(*found.span("words")) if found else None


def _first_subject(masked: str, sentence: Span) -> Span | None:
    """The subject of a sentence: its first noun phrase after "In Moscow, "."""
    lead = LEAD.match(masked, *sentence)
    return _speaker_at(masked, Span(lead.end() if lead else sentence.start, sentence.end))


def _subject(masked: str, span: Span) -> Span | None:
    """The noun phrase before a cue, past appositions and what stands between: "Peskov, who had
    been asked by reporters, later said"."""
    start = span.start
    end = start + len(BETWEEN.sub("", masked[start : span.end].rstrip()))
    clause = start + max(
        (mark.end() for mark in BREAK.finditer(masked[start : span.end])), default=0
    )
    parts = [Span(*one.span()) for one in PART.finditer(masked, clause, end)]
    aside = masked[clause:end].endswith(",")
    while parts:
        part = parts.pop()
        words = masked[part.start : part.end]
        if aside and parts and ASIDE.match(words.lstrip()):
            continue
        spoken = [*SPEAKER.finditer(masked, part.start, part.end)]
        if not spoken:
            continue
        # The last one is nearest to the cue, but "the head of the service" begins with its first.
        first = next((one for one in spoken if one["office"]), spoken[-1])
        chosen = first if masked[first.end() : part.end].strip() == "" else spoken[-1]
        return _trimmed(masked, Span(*chosen.span()))
    return _first_subject(masked, span)


def _reported(masked: str, sentence: Span, found: _Attribution, around: Span) -> Iterator[Span]:
    """What is reported without marks at a cue: before its subject ("X, Peskov said"), around it
    ("X, Peskov said, Y") or behind it. `around` is what an earlier cue leaves of the sentence,
    until the next one."""
    verb = masked[found.cue.start : found.cue.end].lower()
    start = masked.rfind(";", *Span(around.start, found.cue.start)) + 1 or around.start
    end = masked.find(";", found.cue.end, sentence.end)
    after = Span(found.cue.end, end if end >= 0 else sentence.end)
    if verb.startswith("according"):
        yield from _accorded(masked, Span(start, found.cue.start), found.speaker, after)
        return
    if that := THAT.match(masked, *after):
        said = Span(that.end(), _end(masked, that.end(), after.end, around.end))
        if _is_clause(masked, said):
            yield _trimmed(masked, said)
            return
    first = None if verb in OF_WHOM else _said_first(masked, start, found)
    if first:
        yield _trimmed(masked, first)
        if masked.startswith(",", after.start) and _is_clause(masked, after):
            yield _trimmed(masked, after)
    elif verb in CLAUSAL:
        skipped = WHEN_AND_WHERE.match(masked, *after)
        begin = skipped.end() if skipped else after.start
        if verb == "told" and (addressee := ADDRESSEE.match(masked, begin, after.end)):
            begin = addressee.end()
        said = Span(begin, _end(masked, begin, after.end, around.end))
        if _is_clause(masked, said):
            yield _trimmed(masked, said)


def _accorded(masked: str, before: Span, speaker: Span | None, after: Span) -> Iterator[Span]:
    """What is so according to somebody: what stands before it, or behind its comma."""
    if _is_clause(masked, before):
        yield _trimmed(masked, before)
    elif speaker:
        comma = masked.find(",", speaker.end, after.end)
        if comma >= 0 and ASIDE.match(masked[comma + 1 : comma + 20].lstrip()):
            further = masked.find(",", comma + 1, after.end)
            comma = further if further >= 0 else comma
        if comma >= 0 and _is_clause(masked, said := Span(comma, after.end)):
            yield _trimmed(masked, said)


def _said_first(masked: str, start: int, found: _Attribution) -> Span | None:
    """The clause before "Peskov said"; None where only "On Monday" is."""
    if not found.speaker or found.speaker.end > found.cue.start:
        return None
    if "," in masked[found.speaker.end : found.cue.start]:
        return None
    comma = masked.rfind(",", start, found.speaker.start)
    said = Span(start, max(start, comma))
    return said if _is_clause(masked, said) and not LEAD.match(masked, start, comma + 2) else None


def _end(masked: str, start: int, end: int, following: int) -> int:
    """A report ends where the next one begins: ", adding that"."""
    comma = masked.rfind(",", start, following)
    joined = following < end and comma > start and masked.startswith(JOINED, following)
    return comma if joined else end


def _is_clause(masked: str, span: Span) -> bool:
    words = masked[slice(*_trimmed(masked, span))]
    return len(words.split()) >= _FEWEST and FILL * 3 not in words


def _trimmed(masked: str, span: Span) -> Span:
    start, end = span
    while start < end and masked[start] in " ,;:—–":
        start += 1
    while end > start and masked[end - 1] in " ,;:.—–":
        end -= 1
    return Span(start, end)


def _masked(text: str) -> str:
    """The text with what is quoted made into one long word, so that a sentence ends where the one
    around it does; as long as the text, so that an offset in one is the same in the other."""
    signs = list(text)
    for start, end in quotations(text):
        inner = _inner(text, Span(start, end))
        last = inner.end - 1 if text[inner.end - 1] in _STOPS else inner.end
        if last > inner.start:
            signs[inner.start : last] = FILL * (last - inner.start)
    return "".join(signs)


def _inner(text: str, marked: Span) -> Span:
    """A quotation without its marks; one that was left open has but one."""
    closed = marked.end - marked.start > 1 and text[marked.end - 1] in _MARKS
    return Span(marked.start + 1, marked.end - 1 if closed else marked.end)


_MARKS: Final = "\"“”„«»‘’'"
_STOPS: Final = ".,!?…"
_FEWEST: Final = 3
"""Words; what is shorter is no clause."""
