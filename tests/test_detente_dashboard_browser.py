"""Every page in a real browser, as a person would go through them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from detente.settings import Settings
from tests.browser import Seen, chromium, opened, violations
from tests.contracts.store import document
from tests.dashboards import collect_newsroom, fill, served, settings_in

pytestmark = pytest.mark.slow

SUBSCRIPTIONS = """
[destinations.desk]
webhook = "http://127.0.0.1:9/hook"

[[subscriptions]]
id = "visas"
query = "visas OR consulate"
to = ["desk"]
"""
WIDTHS = {"desk": 1280, "phone": 360}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def settings(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The sample newsroom, collected, judged, indexed and alerted of once."""
    settings = settings_in(tmp_path_factory.mktemp("newsroom"))
    settings.subscriptions.write_text(SUBSCRIPTIONS, "utf-8")
    collect_newsroom(settings)
    return settings


@pytest.fixture(scope="module")
def address(settings: Settings) -> Iterator[str]:
    with served(settings) as address:
        yield address


@pytest.fixture(params=WIDTHS)
def page(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    size = {"width": WIDTHS[request.param], "height": 800}
    with opened(browser, address, viewport=size) as (page, seen):
        yield page
        assert_clean(seen)


def assert_clean(seen: Seen) -> None:
    """No word on the console but the browser's own on an answer that is no success."""
    said = [one for one in seen.said if "the server responded with a status of 40" not in one]
    assert (said, seen.elsewhere) == ([], [])


def assert_fits(page: Page) -> None:
    """Nothing has to be scrolled sideways, but for wide tables in their own frame."""
    wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wider <= 0, page.url


def test_a_person_goes_from_the_first_page_to_the_sentence(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name="Where relations stand")).to_be_visible()
    expect(page.get_by_role("img", name="How each side stands")).to_be_visible()
    expect(page.locator("#live-said")).to_have_text("Live")
    first = page.locator(".articles > li").first
    told = first.locator("h3").inner_text()
    first.get_by_role("link", name="The whole story").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(told)
    page.locator(".articles h3 a").first.click()
    expect(page.get_by_role("heading", name="Stance, sentence by sentence")).to_be_visible()
    mark = page.locator("mark a").first
    sentence = mark.locator("xpath=..").inner_text()
    mark.click()
    expect(page).to_have_url(re.compile("#stance-"))
    shown = page.locator(".finding:target blockquote").inner_text()
    assert sentence in shown or shown in sentence


def test_every_page_is_for_everyone(page: Page) -> None:
    """WCAG 2.2 AA as far as axe-core can tell, in both colour schemes; and it fits the screen."""
    page.goto("/")
    article = page.locator(".articles h3 a").first.get_attribute("href")
    story = page.get_by_role("link", name="The whole story").first.get_attribute("href")
    assert article
    assert story
    page.goto("/sources")
    feed = page.locator("table a").first.get_attribute("href")
    pages = (
        *("/", "/?days=365", "/search", "/search?q=visas&relevance=core", "/search?q=(", story),
        *(article, f"{article}/history", "/subscriptions?query=embassy", "/sources", feed or ""),
        *("/system", "/api", "/login", "/nowhere"),
    )
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for path in pages:
            page.goto(path)
            assert violations(page) == [], (path, scheme)
            assert_fits(page)


def test_a_search_is_narrowed_shared_and_taken_along(page: Page) -> None:
    page.goto("/search")
    page.get_by_label("Words,").fill("embassy OR visas")
    page.get_by_role("button", name="Search", exact=True).click()
    everything = int(page.locator("#found").inner_text().split()[0])
    page.get_by_role("link", name="core", exact=True).click()
    expect(page).to_have_url(re.compile("q=embassy.*relevance=core"))
    narrowed = int(page.locator("#found").inner_text().split()[0])
    assert 0 < narrowed < everything
    page.goto(page.url)
    assert int(page.locator("#found").inner_text().split()[0]) == narrowed
    with page.expect_download() as taken:
        page.get_by_role("link", name="CSV").click()
    lines = Path(taken.value.path()).read_text("utf-8").splitlines()
    assert len(lines) == narrowed + 1


def test_the_keyboard_is_enough(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("j")
    first = page.locator(".articles h3 a").first
    expect(first).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(first).to_be_focused()
    page.keyboard.press("/")
    page.keyboard.type("embassy")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/search\?q=embassy"))


def test_a_subscription_is_tried_made_and_removed(page: Page, settings: Settings) -> None:
    name = f"arms-{page.viewport_size['width']}" if page.viewport_size else "arms"
    page.goto("/subscriptions")
    page.get_by_label("What would you like").fill("nuclear OR treaty")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("It would have told of")).to_be_visible()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Subscribe", exact=True).click()
    expect(page.locator(".said")).to_have_text(f"Subscribed: {name}.")
    assert f'id = "{name}"' in settings.subscriptions.read_text("utf-8")
    page.get_by_role("button", name=f"Remove {name}").click()
    expect(page.locator(".said")).to_have_text(f"Removed: {name}.")
    assert name not in settings.subscriptions.read_text("utf-8")


def test_what_is_wrong_is_written_down(page: Page, settings: Settings) -> None:
    page.goto("/search?relevance=core")
    page.locator(".articles > li:has(blockquote) h3 a").first.click()
    finding = page.locator(".finding").first
    finding.get_by_text("This is wrong").click()
    finding.get_by_label("Right is").select_option("no stance")
    finding.get_by_label("Why").fill("It is about a third party.")
    finding.get_by_role("button").click()
    expect(page.locator(".said")).to_have_text("Written down; thank you.")
    assert "third party" in settings.dashboard.corrections.read_text("utf-8")


def test_news_show_by_themselves(browser: Browser, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with (
        served(settings) as address,
        opened(browser, address) as (page, seen),
    ):
        page.goto("/")
        expect(page.get_by_text("Nothing about the two sides is stored yet.")).to_be_visible()
        expect(page.locator("#live-said")).to_have_text("Live")
        page.wait_for_timeout(2_500)
        now = datetime.now(UTC)
        dates = {"first_seen": now, "collected": now, "assessed": now, "published": now}
        fill(settings, [document("a1", title="Envoys meet in Muscat", **dates)])
        expect(page.get_by_role("link", name="Envoys meet in Muscat")).to_be_visible(timeout=10_000)
        expect(page.locator("#live-said")).to_contain_text("news at")
        assert_clean(seen)


def test_it_is_read_without_a_script(browser: Browser, address: str) -> None:
    with opened(browser, address, java_script_enabled=False) as (page, seen):
        page.goto("/")
        page.get_by_role("link", name="90 days").click()
        page.locator(".articles h3 a").first.click()
        expect(page.get_by_role("heading", name="Why it is")).to_be_visible()
        page.get_by_label("Search all articles").fill("embassy")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="articles")).to_be_visible()
        assert_clean(seen)


def test_hostile_text_is_only_text(browser: Browser, tmp_path: Path) -> None:
    """What a feed says is shown, never run, whatever it says and how much."""
    settings = settings_in(tmp_path)
    now = datetime.now(UTC)
    bad = (
        "<script>window.hit=1</script>",
        '"><img src=x onerror="window.hit=1">',
        "</title></style><svg/onload=window.hit=1>",
        "{{ 7*7 }}{% raw %}<b>",
        "\u202etxet desrever\u202c abc",
        "<a href='javascript:window.hit=1'>x</a>" + "A" * 1_000_000,
    )
    dates = {"first_seen": now, "collected": now, "assessed": now, "published": now}
    fill(
        settings,
        [
            document(
                f"b{number}",
                title=text,
                body=f"{text[:5_000]}\nMore of it.",
                outlet=text[:300],
                source="sample.example",
                url=f"javascript:window.hit={number}",
                authors=[text[:300]],
                speakers=[text[:300]],
                stances=[
                    {
                        "holder": "USA",
                        "target": "RUS",
                        "label": "adversarial",
                        "grade": "-1",
                        "score": -0.5,
                        "confidence": 0.9,
                        "part": "body",
                        "start": 0,
                        "end": 30,
                        "text": text[:300],
                        "quoted": False,
                        "speaker": text[:300],
                    }
                ],
                quotations=[
                    {
                        "kind": "direct",
                        "start": 2,
                        "end": 40,
                        "text": text[:300],
                        "speaker": text[:99],
                    }
                ],
                **dates,
            )
            for number, text in enumerate(bad)
        ],
    )
    with served(settings) as address, opened(browser, address) as (page, seen):
        for path in ("/", "/search", *(f"/article/b{number}" for number in range(len(bad)))):
            answer = page.goto(path)
            assert answer is not None
            assert answer.ok
            assert len(answer.body()) < 200_000, path
            assert page.evaluate("window.hit") is None, path
            assert page.locator("script:not([src])").count() == 0
            assert page.locator("a[href^='javascript:']").count() == 0
            assert_fits(page)
        assert_clean(seen)
