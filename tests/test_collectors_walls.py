"""Paywalls, consent walls and boilerplate: recognised, marked, and never taken for the article."""

from __future__ import annotations

from dataclasses import replace

import pytest

from collectors.entry import ClaimedDate, Entry, FeedText
from collectors.fulltext import PageFailure, PageText, extract_page
from collectors.walls import LONGEST_NOTICE, cleaned, is_paid_for

PARAGRAPH = (
    "The two envoys met in Geneva on Tuesday for the first time in a year and spoke for three hours"
    " about the staff of their embassies, the seized dachas and a flight between the capitals."
)
ENTRY = Entry(
    None,
    "https://sample.example/a",
    "Envoys meet in Geneva",
    None,
    FeedText("The two envoys spoke about the staff of their embassies.", "text"),
    (),
    ClaimedDate(),
)


@pytest.mark.parametrize(
    ("line", "wall"),
    [
        ("Subscribe to continue reading.", "paywall"),
        ("Sign in or create an account to keep reading", "paywall"),
        ("To continue reading, choose a subscription.", "paywall"),
        ("Already a subscriber? Log in", "paywall"),
        ("This article is available only to subscribers.", "paywall"),
        ("You have reached your limit of three free articles this month.", "paywall"),
        ("Get unlimited access to the Herald for $1 a month", "paywall"),
        ("Оформите подписку, чтобы читать дальше", "paywall"),
        ("We and our 842 partners use cookies to store information on your device.", "consent"),
        ("This website uses cookies.", "consent"),
        ("Manage your cookies", "consent"),
        ("Before you continue to Sample News", "consent"),
        ("By clicking Accept you agree to our use of cookies.", "consent"),
        ("Follow us on X and Telegram", None),
        ("Read more: Senate votes on sanctions", None),
        ("© 2026 Sample News. All rights reserved.", None),
        ("Sign up for our daily newsletter", None),
    ],
)
def test_a_notice_is_taken_out_and_its_wall_told(line: str, wall: str | None) -> None:
    assert cleaned(f"{PARAGRAPH}\n{line}\n{PARAGRAPH}") == (f"{PARAGRAPH}\n{PARAGRAPH}", wall)


@pytest.mark.parametrize(
    "line",
    [
        "Moscow would reject all such demands, the ministry said.",
        "The minister told the whole story to members of the committee.",
        "Both presidents are to sign in Geneva to keep the treaty alive.",
        "Sign up to the treaty, Moscow tells Washington",
        "Diplomats could not log in to access their accounts at the bank.",
        "We value the dialogue with our Russian colleagues, she said.",
        "Russia will not accept all the conditions of the United States.",
        "Follow the money, senators tell the Treasury",
        "The court's copyright ruling angered both sides.",
        "A subscription to continue the exchange of data was signed in 2019.",
        "The law on cookies " + "and on what else a site may keep of its readers " * 5 + "is out",
    ],
)
def test_an_articles_own_words_stay(line: str) -> None:
    assert cleaned(line) == (line, None)


def test_a_long_line_is_never_a_notice() -> None:
    line = "Subscribe to continue reading. " + "x" * LONGEST_NOTICE
    assert cleaned(line) == (line, None)


@pytest.mark.parametrize(
    ("page", "paid"),
    [
        (b'{"@type": "NewsArticle", "isAccessibleForFree": false}', True),
        (b'{"isAccessibleForFree" : "False"}', True),
        (b'{"isAccessibleForFree":true}', False),
        (b'<meta property="article:content_tier" content="locked">', True),
        (b'<meta name="article:content_tier" content="free">', False),
        (b"<html>", False),
    ],
)
def test_a_publisher_says_that_a_page_is_paid_for(page: bytes, paid: bool) -> None:
    assert is_paid_for(page) is paid


def page(*paragraphs: str, head: str = "") -> bytes:
    text = "".join(f"<p>{one}</p>" for one in paragraphs)
    title = "<h1>Envoys meet in Geneva</h1>"
    return f"<html><head>{head}</head><body><article>{title}{text}</article></body></html>".encode()


def test_what_is_before_a_paywall_is_taken_and_marked() -> None:
    body = page(PARAGRAPH, PARAGRAPH + " They meet again.", "Subscribe to continue reading.")
    found = extract_page(body, "text/html", "https://sample.example/a", ENTRY)
    assert isinstance(found, PageText)
    assert found.wall == "paywall"
    assert found.text.endswith("They meet again.")


def test_a_page_that_says_it_is_paid_for_is_marked_though_its_text_be_whole() -> None:
    data = '<script type="application/ld+json">{"isAccessibleForFree": false}</script>'
    body = page(PARAGRAPH, PARAGRAPH + " They meet again.", head=data)
    found = extract_page(body, "text/html", "https://sample.example/a", ENTRY)
    assert isinstance(found, PageText)
    assert found.wall == "paywall"


@pytest.mark.parametrize(
    ("notice", "wall", "said"),
    [
        ("Already a subscriber? Log in to read this article.", "paywall", "a paywall notice"),
        (
            "We and our partners use cookies and your data to show you what you like.",
            "consent",
            "a consent notice",
        ),
    ],
)
def test_a_wall_without_an_article_is_a_failure_that_names_it(
    notice: str, wall: str, said: str
) -> None:
    entry = replace(ENTRY, title="Sample")
    found = extract_page(page(*[notice] * 4), "text/html", "https://sample.example/a", entry)
    assert isinstance(found, PageFailure)
    assert found.wall == wall
    assert said in found.reason
