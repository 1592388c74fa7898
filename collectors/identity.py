"""Which article an entry is: the identity key by the feed's policy, aliases, id, canonical URL.

Publishers repeat guids for every entry, rotate them between http and https, let the address follow
the headline, and reuse last year's link for this year's article. So an entry has one identity key
by policy, and further keys (aliases) by which the same article is found again; what a document
shows to be ambiguous is trusted for neither.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from collectors.catalog import Feed
from collectors.entry import Entry
from collectors.parse import MAX_LINK
from collectors.plaintext import collapse
from collectors.wrappers import is_walled, is_wrapper, unwrapped, without_amp

TRACKING_PARAMETERS = frozenset(
    (
        *("fbclid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "ysclid"),
        *(
            "twclid",
            "igshid",
            "igsh",
            "mc_cid",
            "mc_eid",
            "_hsenc",
            "_hsmi",
            "mkt_tok",
            "oly_enc_id",
        ),
        *("oly_anon_id", "vero_id", "wickedid", "_openstat", "rb_clickid", "s_cid", "cmpid"),
        *("at_medium", "at_campaign", "at_custom1", "at_custom2", "at_custom3", "at_custom4"),
        *("ns_mchannel", "ns_source", "ns_campaign", "ns_linkname", "ns_fee", "smid", "partner"),
        *("traffic_source", "ref_src", "ref_url", "maca", "xtor"),
    )
)
"""Query parameters that say how a reader came, not what is read; `utm_…` ones are left out too."""

_SECOND_LEVEL = frozenset(
    ("co", "com", "org", "net", "gov", "gob", "gouv", "ac", "edu", "ne", "or")
)
"""Below these, under a country's domain, each name is another owner's."""

_TELLING = 3
"""Words of a headline that can be an article's own; fewer are a column's name."""

_DEFAULT_PORTS = {"http": 80, "https": 443}

K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Identified:
    """An entry with the keys of its article: `key` by policy, then the `aliases`.

    `url` is the canonical address to show, the feed's own where the entry has none; `has_page`
    says that it is the entry's link, where its page can be fetched. `title_day` leads to an article
    of the same feed, headline and day, which is the same one if its text is, too.
    """

    entry: Entry
    key: str
    aliases: tuple[str, ...]
    url: str
    has_page: bool = False
    title_day: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that lead to the article, in the order of their weight."""
        return (self.key, *self.aliases)

    @property
    def all_keys(self) -> tuple[str, ...]:
        """The same, and the one that may lead to it."""
        return self.keys if self.title_day is None else (*self.keys, self.title_day)


def article_id(key: str) -> str:
    """The id of the article whose identity key this is."""
    return "a" + hashlib.blake2b(key.encode(), digest_size=16).hexdigest()


def canonical_url(url: str | None, base: str | None = None) -> str | None:
    """The one spelling of an article's address; None for what isn't an http(s) URL.

    Scheme and host in lower case, no default port, no user, no fragment, no tracking parameters;
    the rest of the query stays as it is, in order. A relative link is resolved against `base`.
    """
    text = (url or "").strip()
    if not text or text.endswith("://"):
        return None
    try:
        parts = urlsplit(urljoin(base, text) if base else text)
        host, port = parts.hostname or "", parts.port
        host = (host if host.isascii() else host.encode("idna").decode()).rstrip(".")
    except ValueError:  # UnicodeError is one, too
        return None
    if parts.scheme not in _DEFAULT_PORTS or not host:
        return None
    host = f"[{host}]" if ":" in host else host
    if port is not None and port != _DEFAULT_PORTS[parts.scheme]:
        host = f"{host}:{port}"
    query = "&".join(it for it in parts.query.split("&") if it and not _is_tracking(it))
    canonical = urlunsplit((parts.scheme, host, parts.path or "/", query, ""))
    return canonical if len(canonical) <= MAX_LINK else None


def _is_tracking(parameter: str) -> bool:
    name = unquote(parameter.partition("=")[0]).lower()
    return name.startswith("utm_") or name in TRACKING_PARAMETERS


def identify(entries: Sequence[Entry], feed: Feed, base: str) -> list[Identified]:
    """The keys of every entry of one document that was found at `base`."""
    links = [canonical_url(unwrapped(entry.link or ""), base) for entry in entries]
    # Where there is no other key, the headline shows that entries differ.
    doubtful_guids = _ambiguous(
        (entry.guid, link or entry.title) for entry, link in zip(entries, links, strict=True)
    )
    doubtful_links = _ambiguous(
        (link, entry.guid or entry.title) for entry, link in zip(entries, links, strict=True)
    )
    identified = []
    for entry, link in zip(entries, links, strict=True):
        guid = entry.guid if entry.guid not in doubtful_guids else None
        trusted = link if link not in doubtful_links and _is_own(link) else None
        keys = list(_keys(entry, feed, guid, trusted))
        shown = link or canonical_url(entry.guid) or canonical_url(feed.url) or feed.url
        aliases = tuple(dict.fromkeys(keys[1:]))
        has_page = link is not None and not is_walled(link)
        title_day = _title_day(entry, feed)
        identified.append(Identified(entry, keys[0], aliases, shown, has_page, title_day))
    return identified


def _title_day(entry: Entry, feed: Feed) -> str | None:
    title, instant = collapse(entry.title).casefold(), entry.date.instant
    if instant is None or len(title.split()) < _TELLING:
        return None
    digest = hashlib.blake2b(title.encode(), digest_size=16).hexdigest()
    return f"title-day:{feed.id}:{instant.date().isoformat()}:{digest}"


def with_pages(
    identified: Sequence[Identified], feed: Feed, addresses: Mapping[str, str]
) -> list[Identified]:
    """The same entries with what their pages said: `addresses` has, by key, the one where a page
    was found, or that it calls its own. By it the article is known, too; a wrapper gives way to it.
    """
    found = {key: canonical_url(address) for key, address in addresses.items()}
    # Where several articles lead to one page, it is a wall.
    doubtful = _ambiguous((address, key) for key, address in found.items())
    return [_with_page(item, feed, found.get(item.key), doubtful) for item in identified]


def _with_page(
    item: Identified, feed: Feed, address: str | None, doubtful: set[str | None]
) -> Identified:
    if address is None or address in doubtful or not _is_own(address):
        return item
    if is_wrapper(item.url):
        item = replace(item, url=address)
    if feed.identity != "url":
        return item
    new = [key for key in _link_keys(address) if key not in item.keys]
    return replace(item, aliases=(*item.aliases, *new))


def _ambiguous(pairs: Iterable[tuple[K | None, V]]) -> set[K | None]:
    """The keys that occur with more than one different value."""
    values: defaultdict[K, set[V]] = defaultdict(set)
    for key, value in pairs:
        if key is not None:
            values[key].add(value)
    return {key for key, found in values.items() if len(found) > 1}


def _is_own(link: str | None) -> bool:
    """Whether it can be an article's own address: a bare host is a site's, a wrapper another's."""
    if link is None or is_wrapper(link):
        return False
    parts = urlsplit(link)
    return parts.path != "/" or bool(parts.query)


def _link_keys(link: str) -> Iterable[str]:
    yield f"url:{link}"
    if (plain := without_amp(link)) != link and _is_own(plain):
        yield f"url:{plain}"


def _keys(entry: Entry, feed: Feed, guid: str | None, link: str | None) -> Iterable[str]:
    """The identity key, then the aliases. The link is never an alias under another policy."""
    if feed.identity == "guid" and guid:
        yield f"guid:{_scope(feed, guid)}:{guid}"
        yield from _guid_aliases(feed, guid)
    elif feed.identity == "url-day" and link:
        instant = entry.date.instant
        yield f"url-day:{link}:{instant.date().isoformat() if instant else 'undated'}"
    elif link:
        yield from _link_keys(link)
        yield from _guid_aliases(feed, guid)
    elif guid:
        yield f"guid:{_scope(feed, guid)}:{guid}"
        yield from _guid_aliases(feed, guid)
    else:
        yield f"text:{feed.id}:{_text_hash(entry)}"


def _guid_aliases(feed: Feed, guid: str | None) -> Iterable[str]:
    """The guid without scheme and host, since those change when a site moves to https or www.

    A host that isn't the publisher's stays: an aggregator has many with a `/?p=1` each.
    """
    split = _split(guid or "")
    if split is None:
        return
    host, rest = split
    publisher = _publisher(feed)
    if registered_domain(host) == registered_domain(publisher.partition(":")[0]):
        host = publisher
    if rest != "/":
        yield f"guid-path:{host}:{rest}"


def registered_domain(host: str) -> str:
    """The part of a host name that its owner registered, judged by its looks: of rss.ng.ru the
    last two labels, of feeds.example.co.uk three; an IP address whole. Too long a part only costs
    an alias."""
    labels = host.split(".")
    if ":" in host or labels[-1].isdigit():
        return host
    long = len(labels) > 2 and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3:] if long else labels[-2:])


def _split(url: str) -> tuple[str, str] | None:
    """Host (without `www.`) and the rest of what is written like a URL; None for anything else."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    if not parts.scheme or not host:
        return None
    return host.removeprefix("www."), urlunsplit(("", "", parts.path or "/", parts.query, ""))


def _publisher(feed: Feed) -> str:
    parts = urlsplit(feed.url)
    return parts.netloc.rpartition("@")[2].lower().removeprefix("www.")


def _scope(feed: Feed, guid: str) -> str:
    """Where a guid is unique: at the publisher if written to be so, else only within its feed."""
    return _publisher(feed) if "://" in guid or guid.startswith(("tag:", "urn:")) else feed.id


def _text_hash(entry: Entry) -> str:
    content = entry.content or entry.summary
    text = entry.title or (content.value if content else "")
    stated = f"{text}\0{entry.date.claim or ''}"
    return hashlib.blake2b(stated.encode(), digest_size=16).hexdigest()
