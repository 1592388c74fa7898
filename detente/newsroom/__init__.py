"""The sample newsroom: invented publishers on loopback, for the demonstration and for tests.

Every masthead here is invented, and every page says so. `content` reads the articles from
`articles/*.toml`, `edition` knows which of them are out, `feeds` and `pages` render them, `faults`
misbehaves on purpose, and `server` puts it all on HTTP:

    with Newsroom() as newsroom:
        print(newsroom.catalogue_toml())
"""

from detente.newsroom.content import Article, Masthead, load_mastheads
from detente.newsroom.server import FeedInfo, Newsroom

__all__ = ["Article", "FeedInfo", "Masthead", "Newsroom", "load_mastheads"]
