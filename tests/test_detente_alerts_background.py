"""Boilerplate and the little words of other languages make no two articles alike."""

from __future__ import annotations

import pytest

from detente.alerts.background import Background
from detente.alerts.likeness import Traits, traits
from detente.alerts.stories import Stories

NOTICE = "This specimen was confected for a mock gazette; no masthead therein exists."
SUBJECTS = (
    ("Envoys meet in Geneva", "They spoke about visas for three hours."),
    ("Tanker seized off Murmansk", "The crew of nineteen is held in the harbour."),
    ("Duma debates wheat tariffs", "Deputies want a levy on exports by autumn."),
    ("Chess federation sues sponsor", "The contract was worth four million."),
    ("Satellite lost near Baikonur", "Telemetry ended after ninety seconds."),
    ("Ballet refused entry at Newark", "Dancers flew back after a night."),
    ("Uranium licences renewed", "Centrifuges will spin until 2031."),
    ("Icebreaker leaves for the pole", "It carries two helicopters."),
    ("Senator questions pipeline insurers", "They answered in writing."),
    ("Volcano halts Kamchatka flights", "Ash rose nine kilometres."),
)
RUSSIAN = (
    ("В Вологде открыли библиотеку", "Она стоит на берегу, и в ней есть зал для детей."),
    ("На Кубани собрали зерно", "Это больше, чем было в прошлом году, и для края это много."),
    (
        "Селевой поток прошёл мимо",
        "Он был на том берегу, и в городе его не видели.",
    ),
    ("Рубль растёт на слухах", "На бирже это видели и раньше, но для банков это не ново."),
    (
        "В Приморье очереди за бензином",
        "Они были и в июле, но это было не на всех заправках.",
    ),
    ("Театр поставил пьесу", "Это было в мае, и на премьере в зале не было мест для гостей."),
    ("Снегопад остановил поезда", "На станции были и те, кто ждал с утра, но это не помогло."),
    ("Причал закрыт", "Для нефти это важно, и в порту на это жаловались не раз."),
)


def placed(articles: list[tuple[str, str]], outlet: str, language: str) -> int:
    """How many stories these become, known together before the first is placed."""
    of: list[Traits] = [
        traits(title, body, 1e6 + n * 600, f"{outlet} {n % 3}", language)
        for n, (title, body) in enumerate(articles)
    ]
    stories = Stories()
    for n, its in enumerate(of):
        stories.observe(f"a{n}", its)
    return sum(stories.place(f"a{n}", its).is_new for n, its in enumerate(of))


def test_a_notice_under_every_article_joins_none() -> None:
    with_notice = [(title, f"{body}\n{NOTICE}") for title, body in SUBJECTS]
    assert placed(with_notice, "The Sample", "en") == len(SUBJECTS)


def test_a_language_without_a_table_joins_none() -> None:
    assert placed(list(RUSSIAN), "Образец", "ru") == len(RUSSIAN)
    assert placed([*RUSSIAN, RUSSIAN[0]], "Образец", "ru") == len(RUSSIAN)


def test_what_is_counted_can_be_counted_no_more() -> None:
    background = Background()
    terms = {"specimen": 0.8, "visa": 0.6}
    for _ in range(8):
        background.add(terms, "The Sample", "en")
    assert background.without(terms, "Another", "de") == {}
    for _ in range(8):
        background.remove(terms, "The Sample", "en")
    assert background.without(terms, "The Sample", "en") == pytest.approx(terms)
    assert background._articles == {}
    assert background._counts == {}


def test_one_publishers_word_is_only_its_own() -> None:
    background = Background()
    for n in range(6):
        background.add({"confected": 1.0, f"word{n}": 1.0}, "The Sample", "en")
        background.add({f"other{n}": 1.0}, "The Other", "en")
        background.add({f"third{n}": 1.0}, "The Third", "fr")
    kept = {"confected": 1.0}
    assert background.without(kept, "The Sample", "en") == {}
    assert background.without(kept, "The Third", "fr") == kept
