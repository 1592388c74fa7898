"""Collectors: from feeds over HTTP to `CollectedArticle` messages on the bus.

A newcomer reads, in this order: `catalog` (which feeds), `stage` (the loop, and the order in which
things become durable), `decide` (what a poll means for the articles), `identity` (which article an
entry is), `fetch` and `parse` (the edges where strangers' bytes come in).
"""
