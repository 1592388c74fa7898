"""Détente watches the news for movement between Washington and Moscow.

A newcomer reads, in this order: `flow` (which stage reads and writes what), `article` (the
messages), `bus.base` and `store.base` (the two seams), `runner` (how a stage is driven).
"""

__version__ = "0.1.0"
