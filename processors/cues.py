"""The words and patterns by which quotations, their cues and speakers are known. For English.

Patterns run over a text in which what is quoted has become one long word of `FILL`.
"""

from __future__ import annotations

import re
from typing import Final

FILL: Final = "\x01"

VERBS: Final = """
    accused acknowledged added adding adds admitted advised affirmed agreed alleged announced
    answered answers argued argues arguing asked asking asks asserted assured began blamed boasted
    called calling cautioned charged claimed claiming claims commented complained conceded concedes
    concluded condemned confirmed contended continued countered criticised criticized declared
    declaring denied denounced described dismissed emphasised emphasized estimated exclaimed
    explained explaining explains hailed hinted indicated insisted insisting insists joked labelled
    lamented maintained mentioned muttered noted notes noting objected observed pleaded pledged
    posted praised predicted promised proposed protested quipped quoted ranted read reads reaffirmed
    recalled reckoned reiterated remarked remembered reminded repeated replied replies reported
    responded retorted revealed ridiculed said say saying says shouted signaled signalled snapped
    speculated stated stressed stresses stressing suggested suggests swore telling tells testified
    thundered told tweeted underlined underscored urged vowed warned warning warns whispered
    wondered writes writing wrote
""".split()
CUE: Final = re.compile(
    r"(?<![\w-])(?:[Aa]ccording\s+to|[Ii]n\s+the\s+words\s+of|went\s+on|shot\s+back"
    r"|was\s+quoted\s+as\s+saying"
    rf"|{'|'.join(VERBS)})\b",
)
CLAUSAL: Final = frozenset(
    """acknowledged added admitted argued claimed conceded explained hinted insisted noted predicted
    promised remarked replied said says say saying stressed suggested told vowed warned wrote adds
    adding argues insists notes warns writes""".split()
)
"""What reports a clause also without "that"."""

NAMING: Final = ("called", "described", "calling", "labelled")
"""What may come before a name in marks."""

OF_WHOM: Final = (*NAMING, "accused", "asked", "blamed", "charged", "read", "reads")
"""Verbs whose clause never stands before them without marks."""

PHRASES: Final = ("was quoted as saying",)

NO_CUE: Final = re.compile(
    r"(?:['’]s|\b(?:[Aa]n?|[Tt]he|[Hh]is|[Hh]er|[Ii]ts|[Tt]heir|[Tt]his))\s+(?:\w+\s+)?"
    r"(?:\w+ing|claims?|reports?|notes?|says?|answers)$"
    r"|\b(?:was|were|been|being|be|is)\s+(?:\w+\s+)?(?:told|asked|called|reported)$"
)
"""Ends a text whose last word is no cue: a noun ("his warning"), or said of who is told."""

JOINED: Final = ("adding", "saying", "warning", "noting", "arguing", "insisting", "and")
"""How a second report joins a first."""

NAME: Final = (
    r"(?:(?:Mr|Mrs|Ms|Dr|Sen|Rep|Gen|Col|Adm|Gov|Lt)\.?\s+)?[A-ZÀ-Ž][\w’'-]*"
    r"(?:\s+(?:(?:of|de|al|bin|van|von|the|of\s+the)\s+)?(?:[A-Z]\.|[A-ZÀ-Ž][\w’'-]*))*"
)
SPEAKER: Final = re.compile(
    rf"""\b(?P<pronoun>(?:[Hh]e|[Ss]he|[Tt]hey|[Ii]t|[Ww]e|I)\b)
       | \b(?P<office>(?:[Tt]he|[Aa]n?|[Oo]ne|[Aa]nother|[Hh]is|[Hh]er|[Ii]ts|[Tt]heir|[Tt]wo
         |[Tt]hree|[Ss]everal|[Ss]ome|[Bb]oth)\s+[^,;:\x01"“”]{{2,90}})
       | \b(?P<name>{NAME})""",
    re.VERBOSE,
)
APPOSED: Final = re.compile(rf",\s+(?P<name>{NAME})(?=\s*(?:[,.]|$))")
DATELINE: Final = re.compile(
    r"(?:[A-Z][A-Z.'-]+\b(?:[ ,/][^—–:]{0,40}?)?)(?:\s+(?:—|–|--?)\s+|:\s+)|TASS, \w+ \d+\.\s+"
)
ADDRESSEE: Final = re.compile(
    rf"\s+(?:(?:the|a|an|his|her|their)\s+[\w-]+(?:\s+of\s+\w+)?|reporters|{NAME}|\w+)"
)
PLAIN: Final = re.compile(r"\s+(?P<words>[\w’'-]+(?:\s+[\w’'-]+){0,3})")
TRANSCRIPT: Final = re.compile(r"\s*(?P<speaker>[A-Z][A-Z.’' -]{2,40}):\s+(?=\S)")
BETWEEN: Final = re.compile(
    r"(?:\s+(?:also|later|then|had|has|have|was|is|again|once|even|only|earlier|not|did|would|\w+ly"
    r"|(?:on\s+)?(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day))+$"
)
BREAK: Final = re.compile(r"\x01[.,!?…]?[\"“”„«»‘’']|[;:—–]\s|\s(?:but|while|as)\s")
PART: Final = re.compile(r"[^,]+")
ASIDE: Final = re.compile(
    r"(?:the|a|an|who|whose|which|where|when|\d|former|speaking|in|on|at|now)\b"
)
THAT: Final = re.compile(
    r"(?:\s+(?!that\b|whether\b)[^\s,;:\x01]+){0,8}?\s+"
    r"(?:that\s+|(?=(?:whether|why|how|if|what|who|when|where)\s))"
)
WHEN_AND_WHERE: Final = re.compile(
    r"(?:\s+(?:(?:on\s+)?(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|(?:in|at|on|after|during)\s+"
    r"(?:a|an|the|his|her|its)\s+[\w-]+|again|later|earlier))+"
)
LEAD: Final = re.compile(
    r"(?:(?:\w+ (?:hours|days|weeks|months|years) |In|On|At|After|By|From|For|With|During|Asked"
    r"|Speaking|Replying|Meanwhile|Earlier|Later)\b"
    r"[^,]*,\s+)+"
)
