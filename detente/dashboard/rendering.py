"""Templates, and the words and forms that they share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from detente.alerts import novelty
from detente.dashboard.charts import bar
from detente.dashboard.highlight import tone
from detente.moments import instant_of, moment
from detente.watch import Watch

TABS = (
    ("/", "Today"),
    ("/search", "Search"),
    ("/subscriptions", "Subscriptions"),
    ("/sources", "Sources"),
    ("/system", "System"),
)

ADDS: Mapping[str, str] = {"new": "new story", **novelty.ADDS}
GRADES = {
    "2": "material cooperation",
    "1": "verbal cooperation",
    "0": "neutral",
    "-1": "verbal conflict",
    "-2": "material conflict",
    "none": "no stance",
}


class Pages:
    """Renders pages for one watch."""

    def __init__(self, watch: Watch) -> None:
        self.dyads = dyad_names(watch)
        self.labels = value_labels(watch, self.dyads)
        self._environment = environment("detente.dashboard", escape=True)
        self._environment.globals |= {
            "tabs": TABS,
            "dyads": self.dyads,
            "labels": self.labels,
            "adds": ADDS,
            "grades": GRADES,
            "bar": bar,
            "version": _static_version(),
        }

    def page(self, request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page, or (where a script asks for a part of it) the same without its frame."""
        form_key = request.app.state.guard.form_key(request) if _is_known(request) else ""
        text = self._environment.get_template(f"{name}.html").render(
            path=request.url.path,
            user=getattr(request.state, "user", None),
            form_key=form_key,
            said=request.query_params.get("said", "")[:200],
            now=datetime.now(UTC),
            **values,
        )
        return HTMLResponse(text, status)


def environment(package: str, *, escape: bool) -> Environment:
    """The templates of a package, with the filters that all of ours know."""
    made = Environment(
        loader=PackageLoader(package),
        autoescape=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"moment": moment, "age": age, "signed": signed, "tone": tone, "clip": clip}
    return made


def _is_known(request: Request) -> bool:
    return getattr(request.state, "user", None) is not None


def dyad_names(watch: Watch) -> dict[str, str]:
    """`USA>RUS`: `United States → Russia`."""
    first, second = watch.sides
    return {
        f"{a.code}>{b.code}": f"{a.name} → {b.name}" for a, b in ((first, second), (second, first))
    }


def value_labels(watch: Watch, dyads: dict[str, str]) -> dict[str, str]:
    """Names for people of the values of facets."""
    labels = {actor.id: actor.name for actor in watch.actors}
    labels |= {issue.id: issue.id.replace("-", " ") for issue in watch.issues}
    for dyad, name in dyads.items():
        for label in ("cooperative", "neutral", "adversarial"):
            labels[f"{dyad}:{label}"] = f"{name}: {label}"
    return labels


def age(value: datetime | float | str | None, now: datetime) -> str:
    """How long ago, roughly: `12 s`, `5 min`, `3 h`, `2 d`; a dash for never."""
    if value is None:
        return "–"
    seconds = max(0, int((now - instant_of(value)).total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def signed(score: float | None) -> str:
    return "–" if score is None else f"{score:+.2f}".replace("-", "−")


def clip(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


@lru_cache(maxsize=1)
def _static_version() -> str:
    """Changes with the style sheet or the script, so that browsers keep neither too long."""
    from hashlib import sha256

    folder = files("detente.dashboard") / "static"
    parts = [one.read_bytes() for one in sorted(folder.iterdir(), key=lambda it: it.name)]
    return sha256(b"".join(parts)).hexdigest()[:8]
