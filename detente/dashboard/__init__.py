"""The dashboard: pages for people, the same facts as JSON, and nothing that needs another host.

`views/` make what a page shows from what the ports give (pure functions); `pages`, `actions` and
`api` answer requests; `templates/` and `static/` are the form.
"""
