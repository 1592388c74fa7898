"""Sentences with exact character offsets, and whether one stands in quotation marks.

Rules of our own: of the libraries tried, the fast ones break Russian abbreviations or join a
headline to its text, and the rest are slow or lose offsets (figures in docs/decisions). The rules
are for news prose in English and Russian; any other text is still covered exactly.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

LONGEST: Final = 1_000
"""Characters. What is longer (a list without stops) is cut into pieces, so that no model cuts off
the end of a sentence unseen."""


class Sentence(NamedTuple):
    """A sentence without the space around it: `text == whole[start:end]`."""

    start: int
    end: int
    text: str


def sentences(text: str) -> Sequence[Sentence]:
    """Split a text into sentences: in order, disjoint, and covering all but white space.

    A line break always ends a sentence. None is longer than `LONGEST` characters.
    """
    return [
        Sentence(start, end, text[start:end])
        for line in LINE.finditer(text)
        for whole in _stripped(text, _spans(text, line.start(), line.end()))
        for start, end in _stripped(text, _pieces(text, *whole))
    ]


def quoted(text: str, start: int, end: int) -> bool:
    """Whether `text[start:end]`, a sentence, stands mostly within quotation marks.

    Straight double, curly and low marks and guillemets count, also where one of another kind closes
    what they opened; the straight single mark opens nothing, being an apostrophe far more often. A
    quotation left open runs to the end of its line: a speech over several paragraphs opens each
    anew.
    """
    inside = 0
    found = quotations(text)
    for place in range(bisect_right(found, start, key=_closed), len(found)):
        opened, closed = found[place]
        if opened >= end:
            break
        inside += min(closed, end) - max(opened, start)
    return 2 * inside > end - start


LINE: Final = re.compile(r"[^\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]+")

_OPENERS: Final = "\"'“‘«„‹([{—–•*-"
_CLOSERS: Final = "\"'”’»“›)]}"

_STOP: Final = re.compile(
    rf"""(?P<stop>[.!?…]+) (?P<close>[{re.escape(_CLOSERS)}]* (?:\[\d{{1,3}}\])*)
         (?P<space>\s*) (?P<open>(?:[{re.escape(_OPENERS)}]\s*)*) (?P<next>[^\W_]+(?:['’]\w+)?)?
       | (?P<cjk>[。！？])[”』」]*""",
    re.VERBOSE,
)

_BEFORE: Final = re.compile(r"[\w.&’'-]*\Z")

# Never the end of a sentence: a name or a number belongs to them.
_TITLES: Final = frozenset(
    """mr mrs ms mx dr prof sen sens rep reps gov govs gen lt col maj capt cpt cmdr cmd adm sgt cpl
    pvt amb rev hon pres messrs mme fr st ste ft mt gens supt insp det atty asst assoc dep spc
    brig vs v cf viz approx nos figs sec para pp vol vols chap ch ed eds eq dept
    univ i.e e.g т.е т.к т.н т.о напр им ул просп д пл наб стр корп ген полк проф акад доц гр
    гос тов св см ср ст рис табл ред сост обл тыс млн млрд трлн пос дер""".split()
)
# Only before a number ("No. 10", "Art. VI"); else they are words ("He said no.").
_NUMBERED: Final = frozenset("no art arts fig".split())
_NUMERAL: Final = re.compile(r"\d.*|(?!I\Z)[IVX]+")
_MONTHS: Final = frozenset(
    """jan feb mar apr jun jul aug sep sept oct nov dec
    янв фев февр апр авг сент окт ноя нояб дек""".split()
)
# May end a sentence, and then what follows looks like the beginning of one.
_EITHER: Final = frozenset(
    """inc co corp ltd llc plc bros jr sr al est hr hrs min mins sec secs ave blvd rd ukr russ ph.d
    г гг в вв""".split()
)
# The same, but a word in small letters ("He fell ill.").
_STATES: Final = frozenset(
    """Ala Ariz Ark Calif Colo Conn Del Fla Ga Ill Ind Kan Kans Ky La Md Mass Mich Minn Miss Mo Mont
    Neb Nev Okla Ore Pa Tenn Tex Va Vt Wash Wis Wyo""".split()
)
# May end a sentence, and then any capital begins the next.
_TAILS: Final = frozenset("н.э др пр т.д т.п etc".split())
_STARTERS: Final = frozenset(
    """a according after again all also although among an and another any as asked at because
    before both but by despite during each earlier even every few for from he her here his how
    however i if in instead it it's its last later many meanwhile more moreover most mr mrs ms
    my neither nevertheless no nobody none not now of on once one only our over perhaps she
    since so some still such that that's the their then there these they they're this those
    though thus to today together tomorrow two until we we're we've what when where whether
    which while who why with without yesterday yet you your а без более бы в во вместе все вчера
    где да для до его ее если есть еще за затем здесь и из или их к как когда кроме кто лишь мы
    на накануне нам нас наш не нет ни но новый об об однако он она они оно от ответ по под
    поэтому при ранее с сегодня со так также там тем тогда то того тоже только у уже через что
    чтобы эта эти это этот этом я""".split()
)
_INITIALS: Final = re.compile(r"[^\W\d_](?:[.-][^\W\d_]{1,2})*")
_SAID: Final = re.compile(
    r"\s*(?:[^\W\d_][\w.’'-]*\s+){1,4}(?:said|says|asked|asks|wrote|writes|added|adds|told|replied"
    r"|tweeted|posted|declared|exclaimed|demanded|сказал|заявил|спросил|написал|добавил)"
)
_UNSPACED_STARTERS: Final = frozenset("the but and he she it they we in on this that".split())


def _spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The sentences of one line, with the space around them."""
    start = _past_space(text, start, end)
    for stop in _STOP.finditer(text, start, end):
        at = stop.end() if stop["cjk"] else stop.end("close")
        if at < end and _ends_sentence(text, stop, start):
            yield start, at
            start = _past_space(text, at, end)
    yield start, end


def _ends_sentence(text: str, stop: re.Match[str], start: int) -> bool:
    """Whether a sentence that began at `start` ends at this stop."""
    if stop["cjk"]:
        return True
    following = stop["next"] or ""
    if not stop["space"]:
        return _ends_unspaced(text, stop, following)
    if following[:1].islower():
        return False
    speech = stop["close"][-1:] in tuple("\"'”’»") and stop["stop"] != "."
    if speech and _SAID.match(text, stop.end("close")):
        return False
    if stop["stop"] != ".":
        return bool(following) or bool(stop["open"])
    before = _BEFORE.search(text, max(start, stop.start() - 30), stop.start())
    word = before[0].lstrip(".'’-") if before else ""
    if stop.start() - len(word) == start and _numbers_item(word):
        return False
    if len(following) == 1 and following.isalpha() and text[stop.end() : stop.end() + 1] == ".":
        return not _INITIALS.fullmatch(word) and word.lower() not in _TITLES
    if word == "г" and text[max(start, stop.start() - 3) : stop.start() - 1].strip()[-1:].isdigit():
        return True
    opened = bool(stop["open"].strip("—–- "))
    return _word_ends_sentence(word, following, opened=opened)


def _word_ends_sentence(word: str, following: str, *, opened: bool) -> bool:
    """Whether `word` with its stop ends a sentence, if `following` comes next."""
    low = word.lower()
    if low in _MONTHS:
        return not following[:1].isdigit()
    if low in _NUMBERED:
        return not _NUMERAL.fullmatch(following)
    if low in _TAILS:
        return True
    if low in _TITLES:
        return False
    if low in _EITHER or word in _STATES or _INITIALS.fullmatch(word):
        return opened or following.lower() in _STARTERS
    return True


def _ends_unspaced(text: str, stop: re.Match[str], following: str) -> bool:
    """`…ended.The Kremlin…`: a lost space, as text taken from web pages has it."""
    before = text[max(0, stop.start() - 2) : stop.start()]
    return (
        before.islower()
        and before.isalpha()
        and following.istitle()
        and following.lower() in _UNSPACED_STARTERS
        and len(stop["stop"]) == 1
    )


def _numbers_item(word: str) -> bool:
    """`1.` or `a.` or `IV.` at the beginning: the number of a list's item."""
    return len(word) <= 3 and (word.isdigit() or len(word) == 1 or set(word) <= set("IVX"))


def _past_space(text: str, start: int, end: int) -> int:
    while start < end and text[start].isspace():
        start += 1
    return start


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut what is too long at its last clause, comma or space; anywhere when there is none."""
    while end - start > LONGEST:
        at = start + LONGEST
        for cut in _CUTS:
            found = [match.end() for match in cut.finditer(text, start + LONGEST // 2, at)]
            if found:
                at = found[-1]
                break
        yield start, at
        start = _past_space(text, at, end)
    yield start, end


_CUTS: Final = tuple(re.compile(cut) for cut in (r"[;:]\s", r",\s|\s[—–-]\s", r"\s"))


def _stripped(text: str, spans: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for start, end in spans:
        start = _past_space(text, start, end)
        while end > start and text[end - 1].isspace():
            end -= 1
        if start < end:
            yield start, end


_MARK: Final = re.compile("[\"“”„«»‘’']")
# What closes each, first of all its own kind; then what is set in its stead.
_CLOSING: Final = {'"': '"”', "“": '”"“', "„": "“”", "«": "»", "‘": "’'"}


@lru_cache(maxsize=4)
def quotations(text: str) -> Sequence[tuple[int, int]]:
    """Every quotation with its marks, in order. Kept for the sentences of one text, each of which
    asks: found anew for each, those of one long line would cost the square of its length."""
    found = []
    for line in LINE.finditer(text):
        opened, closing = -1, ""  # where a quotation begins, and what may end it
        for mark in _MARK.finditer(text, line.start(), line.end()):
            place, sign = mark.start(), mark[0]
            if opened < 0:
                if _opens(text, place, line.start()):
                    opened, closing = place, _CLOSING[sign]
            elif sign in closing and (sign not in "’'“" or _ends_word(text, place)):
                found.append((opened, place + 1))
                opened = -1
        if opened >= 0:
            found.append((opened, line.end()))
    return found


def _closed(quotation: tuple[int, int]) -> int:
    return quotation[1]


def _opens(text: str, place: int, line: int) -> bool:
    sign = text[place]
    before = text[place - 1] if place > line else " "
    if sign == '"':
        return before.isspace() or before in "([—–-:"
    if sign == "‘":
        # No apostrophe, as in "Russia‘s" and "the ‘90s".
        return not before.isalnum() and not text[place + 1 : place + 2].isdigit()
    return sign in "“„«"


def _ends_word(text: str, place: int) -> bool:
    """Whether a mark that may also be an apostrophe, or open anew, stands behind a word."""
    return not text[place - 1].isspace() and not text[place + 1 : place + 2].isalnum()
