"""Links that lead to an article by way of somebody else: never what identifies it.

Aggregators, shorteners and feed counters give an article an address of theirs, opaque and other for
each reader; AMP gives it a second one of the publisher's.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit, urlunsplit

_WALLED = frozenset({"news.google.com", "apple.news"})
"""Behind these no program finds the article: an opaque id, and a page that asks for consent."""

_REDIRECTORS = frozenset(
    (
        *(
            "feedproxy.google.com",
            "feeds.feedburner.com",
            "rss.feedsportal.com",
            "feeds.feedblitz.com",
        ),
        *("t.co", "bit.ly", "ow.ly", "buff.ly", "dlvr.it", "trib.al", "ift.tt", "tinyurl.com"),
        *("lnkd.in", "flip.it", "is.gd", "goo.gl", "fb.me", "reut.rs", "wapo.st", "nyti.ms"),
    )
)
"""These redirect to the article's own address."""

_TARGETS = {
    ("www.google.com", "/url"): ("url", "q"),
    ("www.bing.com", "/news/apiclick.aspx"): ("url",),
    ("l.facebook.com", "/l.php"): ("u",),
}
"""These carry the article's address in a parameter."""

_AMP_CACHE = re.compile(r"^/(?:amp/|[cv]/)(?P<s>s/)?(?P<rest>[^/]+\.[^/]+/.*)$")
_AMP_PATH = re.compile(r"(?:/amp/?|\.amp(?:\.html)?|/amp\.html)$")
_AMP_QUERY = re.compile(r"^(?:amp(?:=1|=true)?|outputType=amp|output=amp)$")


def unwrapped(url: str) -> str:
    """The address that a link carries within itself, or else the link."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return url
    in_cache = host == "www.google.com" or host.endswith(".cdn.ampproject.org")
    if in_cache and (found := _AMP_CACHE.match(parts.path)):
        scheme = "https" if found["s"] else "http"
        return f"{scheme}://{found['rest']}" + (f"?{parts.query}" if parts.query else "")
    for name in _TARGETS.get((host, parts.path), ()):
        target = parse_qs(parts.query).get(name, [""])[0]
        if target.startswith(("http://", "https://")):
            return target
    return url


def is_wrapper(url: str) -> bool:
    """Whether the address is another's for the article."""
    return is_walled(url) or _host(url) in _REDIRECTORS


def is_walled(url: str) -> bool:
    """Whether nobody but a person in a browser gets to the article from there."""
    return _host(url) in _WALLED


def without_amp(url: str) -> str:
    """The address that the publisher's AMP page most likely stands for, or else the address."""
    parts = urlsplit(url)
    host = re.sub(r"^amp[.-]", "", parts.netloc) if parts.netloc.count(".") > 1 else parts.netloc
    path = _AMP_PATH.sub("", parts.path) or "/"
    query = "&".join(one for one in parts.query.split("&") if not _AMP_QUERY.match(one))
    return urlunsplit((parts.scheme, host, path, query, ""))


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
