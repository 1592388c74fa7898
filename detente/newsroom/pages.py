"""HTML: the page of an article, and the front page that says what this place is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape

from detente.newsroom.content import SUBHEADING, Article, Masthead, Version
from detente.newsroom.feeds import CONTENT_TYPES

_SECTIONS = {
    "en": ("Home", "World", "Politics", "Culture", "Sport", "About this sample"),
    "ru": ("Главная", "Мир", "Политика", "Культура", "Спорт", "Об этом образце"),
}
_STYLE = """
body { font: 18px/1.55 Georgia, serif; margin: 0; color: #222; background: #fdfcf8 }
.sample-banner { background: #7a1f1f; color: #fff; font: 14px/1.4 sans-serif; padding: .5em 1em }
.masthead, nav, main, .page-footer { max-width: 42em; margin: 0 auto; padding: .6em 1em }
nav a { margin-right: 1em; font: 14px sans-serif }
.byline, .sample-notice, .page-footer, .related { font: 14px/1.5 sans-serif; color: #555 }
.standfirst { font-style: italic }
"""


def text_html(masthead: Masthead, version: Version) -> str:
    """The text as HTML, ended by the notice: what full feeds carry and pages show."""
    blocks = [
        f"<h2>{escape(paragraph.removeprefix(SUBHEADING))}</h2>"
        if paragraph.startswith(SUBHEADING)
        else f"<p>{escape(paragraph, quote=False)}</p>"
        for paragraph in version.paragraphs
    ]
    blocks.append(f'<p class="sample-notice">{escape(masthead.notice, quote=False)}</p>')
    return "\n".join(blocks)


def article_page(
    masthead: Masthead,
    article: Article,
    version: Version,
    published: datetime,
    related: Sequence[tuple[str, str]],
) -> bytes:
    """An article's page; `related` are (path, title) of others by the same masthead."""
    title = escape(version.title)
    links = "\n".join(
        f'<li><a href="{escape(path)}">{escape(headline)}</a></li>' for path, headline in related
    )
    return _page(
        masthead.language,
        f"{title} – {escape(masthead.name)}",
        f"""<header class="masthead"><p><a href="/">{escape(masthead.name)}</a></p>
<p>{escape(masthead.tagline)}</p></header>
<nav>{_navigation(masthead)}</nav>
<main>
<article>
<h1>{title}</h1>
<p class="standfirst">{escape(version.summary, quote=False)}</p>
<p class="byline">{escape(article.byline)} ·
<time datetime="{published.isoformat(timespec="seconds")}">{published:%d.%m.%Y %H:%M} UTC</time></p>
{text_html(masthead, version)}
</article>
<aside class="related"><ul>
{links}
</ul></aside>
</main>
<footer class="page-footer"><p>{escape(masthead.notice)}</p></footer>""",
        masthead.notice,
    )


def front_page(mastheads: Iterable[Masthead]) -> bytes:
    """It announces the feeds, as a site does."""
    mastheads = list(mastheads)
    links = "\n".join(
        f'<link rel="alternate" type="{CONTENT_TYPES[masthead.format]}"'
        f' title="{escape(masthead.name)}" href="{escape(masthead.feed_path)}">'
        for masthead in mastheads
    )
    rows = "\n".join(
        f'<li><a href="{escape(masthead.feed_path)}">{escape(masthead.name)}</a> – '
        f"{escape(masthead.tagline)}</li>"
        for masthead in mastheads
    )
    return _page(
        "en",
        "The sample newsroom of Détente",
        f"""<main><h1>The sample newsroom of Détente</h1>
<p>Feeds of publishers that don't exist, with articles about things that didn't happen.</p>
<ul>
{rows}
</ul>
<p>The catalogue of all feeds, faulty ones included: <a href="/feeds.toml">feeds.toml</a></p>
</main>""",
        "Sample texts, invented for the demonstration of Détente.",
        links,
    )


def _navigation(masthead: Masthead) -> str:
    sections = _SECTIONS[masthead.language]
    return " ".join(f'<a href="/">{escape(section)}</a>' for section in sections)


def _page(language: str, title: str, body: str, banner: str, links: str = "") -> bytes:
    return f"""<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<title>{title}</title>
<meta name="robots" content="noindex">
{links}
<style>{_STYLE}</style>
</head>
<body>
<div class="sample-banner">{escape(banner)}</div>
{body}
</body>
</html>
""".encode()
