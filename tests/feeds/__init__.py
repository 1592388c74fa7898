"""Feeds of our own making: golden documents beside what they mean, and builders of small ones."""

from __future__ import annotations

from xml.sax.saxutils import escape

XML = '<?xml version="1.0" encoding="utf-8"?>\n'


def item(
    number: int | str = 1,
    *,
    title: str | None = None,
    text: str | None = None,
    link: str | None = None,
    guid: str | None = None,
    date: str | None = "Sun, 01 Mar 2026 10:00:00 GMT",
    content: str | None = None,
    extra: str = "",
) -> str:
    """An RSS item about nothing; what is given as `""` is left out."""
    title = f"Envoys meet, day {number}" if title is None else title
    link = f"https://sample.example/{number}" if link is None else link
    text = f"<p>The envoys of day {number} met and said little.</p>" if text is None else text
    elements = {
        "title": title,
        "link": link,
        "guid": guid or "",
        "description": text,
        "content:encoded": content or "",
        "pubDate": date or "",
    }
    inner = "".join(f"<{tag}>{escape(it)}</{tag}>" for tag, it in elements.items() if it)
    return f"<item>{inner}{extra}</item>"


def rss(*items: str, head: str = "", title: str = "Sample") -> bytes:
    """An RSS 2.0 document of these items."""
    return (
        f'{XML}<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" '
        'xmlns:atom="http://www.w3.org/2005/Atom">'
        f"<channel><title>{title}</title>{head}{''.join(items)}</channel></rss>"
    ).encode()
