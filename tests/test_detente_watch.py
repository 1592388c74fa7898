"""Watches: the shipped one loads, a bad file's problems are all said, each with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from detente.errors import ConfigError
from detente.watch import Watch, load_watch

GOOD = """
name = "own-watch"
title = "Ours and theirs"
terms = ["the treaty"]
traps = ["our street"]
[[sides]]
code = "OUR"
name = "Ours"
aliases = ["ours"]
hosts = ["Ours.example"]
[[sides]]
code = "THE"
name = "Theirs"
aliases = ["theirs"]
demonyms = ["theirish*"]
[[actors]]
id = "someone"
side = "OUR"
name = "Some One"
since = 2020-01-01
"""


def problems(folder: Path, text: str | bytes) -> list[str]:
    file = folder / "watch.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load_watch(file)
    assert all(problem.startswith(f"{file}: ") for problem in caught.value.problems)
    return [problem.removeprefix(f"{file}: ") for problem in caught.value.problems]


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def test_the_shipped_watch() -> None:
    watch = load_watch("usa-rus")
    assert watch.codes == ("USA", "RUS")
    assert {actor.side for actor in watch.actors} == {"USA", "RUS"}
    assert len(watch.issues) > 5


def test_a_watch_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(GOOD, "utf-8")
    watch = load_watch(file)
    assert load_watch(str(file)) == watch
    assert isinstance(watch, Watch)
    assert watch.actors[0].until is None


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("state.gov", "USA"),
        ("www.State.gov.", "USA"),
        ("ru.usembassy.gov", "USA"),
        ("en.kremlin.ru", "RUS"),
        ("notstate.gov", None),
        ("state.gov.example", None),
        ("gov", None),
        ("", None),
        (None, None),
    ],
)
def test_who_speaks_for_a_side(host: str | None, code: str | None) -> None:
    assert load_watch("usa-rus").speaks_for(host) == code


def test_hosts_may_be_written_in_any_case(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(GOOD, "utf-8")
    assert load_watch(tmp_path / "own.toml").speaks_for("www.ours.EXAMPLE") == "OUR"


def test_a_host_with_www_is_the_site(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(changed("Ours.example", "www.ours.example"), "utf-8")
    watch = load_watch(tmp_path / "own.toml")
    assert watch.speaks_for("ours.example") == watch.speaks_for("www.ours.example") == "OUR"


def test_a_mark_of_the_byte_order_is_no_fault(tmp_path: Path) -> None:
    """Some editors write one."""
    (tmp_path / "own.toml").write_text(GOOD, "utf-8-sig")
    assert load_watch(tmp_path / "own.toml").name == "own-watch"


def test_a_watch_that_does_not_ship() -> None:
    with pytest.raises(ConfigError, match=r"did you mean usa-rus\?.*\./my-watch\.toml"):
        load_watch("usa-russia")
    for name in ("xyz", "x" * 5_000):
        with pytest.raises(ConfigError, match="there are chn-twn, usa-rus"):
            load_watch(name)


def test_a_file_that_is_not_there_or_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such watch file"):
        load_watch(tmp_path / "none.toml")
    for unreadable in (tmp_path, "", "a\0b.toml", tmp_path / ("x" * 5_000)):
        with pytest.raises(ConfigError, match="can't be read"):
            load_watch(unreadable)


@pytest.mark.parametrize(
    "data", [b"name = ", b"\xff\xfe", b'name = "a"\nname = "b"', b"a = " + b"[" * 50_000]
)
def test_a_file_that_is_no_toml(tmp_path: Path, data: bytes) -> None:
    (said,) = problems(tmp_path, data)
    assert "can't be read as TOML" in said


def test_an_empty_file_says_what_is_missing(tmp_path: Path) -> None:
    assert problems(tmp_path, "") == ["name: is missing", "title: is missing", "sides: is missing"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (changed("terms =", "term ="), "term: no such key; did you mean terms?"),
        (changed("demonyms", "demonym"), "sides[1].demonym: no such key; did you mean demonyms?"),
        (changed("since", "from"), "actors[0].from: no such key; there are id, side, name"),
        (changed('"own-watch"', '"Own Watch"'), "name = 'Own Watch': string should match pattern"),
        (changed('code = "OUR"', 'code = "our"'), "sides[0].code = 'our': string should match"),
        (changed('["ours"]', "[]"), "sides[0].aliases = []: is empty; a side that"),
        (changed('["ours"]', '[" "]'), "sides[0].aliases[0] = ' ': is empty; remove it"),
        (changed('["ours"]', '["ou  rs"]'), "has space around it or twice within"),
        (changed('["ours"]', '["ou*rs"]'), "has a * that isn't its last character"),
        (changed('["ours"]', '["ours *"]'), "has a space before its *"),
        (changed('["ours"]', '["*"]'), "has no letter or digit"),
        (
            changed("Ours.example", "https://ours.example/"),
            "sides[0].hosts[0] = 'https://ours.example/': is no host; write it as in mid.ru",
        ),
        (changed('"Ours.example"', '""'), "sides[0].hosts[0] = '': is no host"),
        (changed('["ours"]', "5"), "sides[0].aliases = 5: input should be a valid tuple"),
        (changed("2020-01-01", '"soon"'), "actors[0].since = 'soon': input should be a valid date"),
        (changed('"Some One"', '""'), "actors[0].name = '': is empty"),
        # What is well-formed by itself, but not together.
        (changed('code = "THE"', 'code = "OUR"'), "sides[1].code: OUR is the code of both sides"),
        (
            changed('["theirs"]', '["theirs"]\nhosts = ["www.ours.example"]'),
            "sides[1].hosts: 'ours.example' speaks for OUR already",
        ),
        (
            changed('side = "OUR"', 'side = "OUT"'),
            "actors[0] (someone).side: there is no side 'OUT'; did you mean OUR?",
        ),
        (
            changed("2020-01-01", "2020-01-01\nuntil = 2019-01-01"),
            "actors[0] (someone).until: 2019-01-01 is before since = 2020-01-01",
        ),
        (
            changed('"theirs"]', '"ours"]'),
            "side THE: the alias 'ours' is taken by side OUR; give it to one of them",
        ),
        (
            changed('"our street"', '"the treaty"'),
            "traps: the alias 'the treaty' is taken by terms",
        ),
        (
            GOOD + '[[actors]]\nid = "someone"\nside = "OUR"\nname = "Another"\n',
            "actors: the id 'someone' is given 2 times",
        ),
        (
            GOOD + '[[issues]]\nid = "x"\ndefinition = "a"\n' * 3,
            "issues: the id 'x' is given 3 times",
        ),
    ],
)
def test_each_problem_with_its_place_and_a_hint(tmp_path: Path, text: str, said: str) -> None:
    (problem,) = problems(tmp_path, text)
    assert said in problem


def test_one_side_is_too_few(tmp_path: Path) -> None:
    (said,) = problems(tmp_path, GOOD.partition('[[sides]]\ncode = "THE"')[0])
    assert said.startswith("sides = ")
    assert said.endswith("a dyad has two sides, not 1")
    assert len(said) < 200


def test_all_malformed_values_at_once(tmp_path: Path) -> None:
    text = changed("terms", "term").replace('["ours"]', '["  "]').replace("2020-01-01", "2020")
    text = text.replace('name = "Theirs"', "").replace('"own-watch"', '""')
    said = problems(tmp_path, text)
    assert [one.partition(":")[0].partition(" =")[0] for one in said] == [
        "name",
        "sides[0].aliases[0]",
        "sides[1].name",
        "actors[0].since",
        "term",
    ]


def test_all_contradictions_at_once(tmp_path: Path) -> None:
    text = changed('side = "OUR"', 'side = "ZZZ"').replace('code = "THE"', 'code = "OUR"')
    text = text.replace('"our street"', '"theirs"') + "until = 2000-01-01\n"
    said = problems(tmp_path, text)
    assert len(said) == 4
    assert "there are OUR" in said[1]


def test_an_alias_may_be_given_twice_by_the_same_one(tmp_path: Path) -> None:
    """A name that is its own alias, or a demonym that is one, is no contradiction."""
    (tmp_path / "own.toml").write_text(changed('["ours"]', '["ours", "ours"]'), "utf-8")
    assert load_watch(tmp_path / "own.toml").sides[0].aliases == ("ours", "ours")
