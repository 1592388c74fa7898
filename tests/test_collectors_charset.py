"""Feeds whose bytes aren't in the encoding that they declare."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.charset import mended

RUSSIAN = "Послы встретились в Женеве, чтобы обсудить визы и работу посольств"
TEXTS = {
    "ru": RUSSIAN,
    "short": "МИД: Россия ждёт ответа",
    "fr": "Le président a reçu l'ambassadeur, une étape importante, a-t-il déclaré à Genève",
    "de": "Außenminister trafen sich in Genf; Gespräche über Rüstungskontrolle sind geplant",
    "en": "The envoys’ talks in Geneva — “rather short” — ended without a deal",
    "one": "One é",
    "pl": "Ambasadorowie spotkali się w Genewie, żeby omówić wizy i pracę ambasad",
    "zh": "两国大使在日内瓦会晤，讨论签证和使馆工作。外交部发言人表示，会谈是建设性的。",
    "ja": "両国の大使はジュネーブで会談し、査証と大使館の業務について協議した。",
    "ko": "양국 대사들이 제네바에서 만나 비자와 대사관 업무를 논의했다.",
}


def document(text: str, declared: str | None = "utf-8") -> str:
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    return f"{declaration}<rss version='2.0'><channel><item><title>{text}</title></item></channel>"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        *(("ru", codec) for codec in ("cp1251", "koi8_r", "iso8859_5")),
        *(("short", codec) for codec in ("cp1251", "koi8_r")),
        *(("fr", codec) for codec in ("cp1252", "latin_1", "iso8859_15")),
        *(("de", codec) for codec in ("cp1252", "latin_1")),
        *(("en", "cp1252"), ("one", "cp1252"), ("pl", "cp1250")),
        *(("zh", "gb18030"), ("ja", "shift_jis"), ("ko", "euc_kr")),
    ],
)
@pytest.mark.parametrize("declared", ["utf-8", None])
def test_what_it_is_in_is_found_out(text: str, written: str, declared: str | None) -> None:
    whole = document(TEXTS[text], declared)
    found = mended(whole.encode(written), "application/rss+xml; charset=utf-8")
    assert found is not None
    assert found[0] == whole
    assert found[1].startswith("read as ")


def test_markup_around_it_does_not_blur_what_it_is_in() -> None:
    """The first 100 kB are in English, and the text is escaped HTML."""
    head = "<item><title>Envoys meet</title></item>" * 3_000
    text = f"&lt;p class=&quot;a very long class&quot;&gt;{RUSSIAN}&lt;/p&gt;"
    whole = document(f"{head}{text}")
    found = mended(whole.encode("cp1251"), "")
    assert found is not None
    assert found[0] == whole


@pytest.mark.parametrize(("text", "written"), [("zh", "gb18030"), ("ja", "shift_jis")])
def test_a_long_document_is_not_cut_within_a_character(text: str, written: str) -> None:
    whole = document("</title></item><item><title>".join(f"{n}{TEXTS[text]}" for n in range(2_000)))
    found = mended(whole.encode(written), "")
    assert found is not None
    assert found[0] == whole


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (document("Envoys meet", "windows-1251").encode(), ""),
        (document(RUSSIAN).encode(), ""),
        (document(RUSSIAN, None).encode(), "text/xml"),
        (document(RUSSIAN, "windows-1251").encode("cp1251"), "text/xml; charset=utf-8"),
        (document(RUSSIAN).encode("cp1251"), 'text/xml; charset="windows-1251"'),
        (document(RUSSIAN, "iso-8859-1").encode(), "text/xml; charset=utf-8"),
        (document(RUSSIAN, "klingon").encode(), "text/xml; charset=\x00"),
        (document(RUSSIAN, "utf-16").encode("utf-16"), ""),
        (document(RUSSIAN, None).encode("utf-16-le"), ""),
        (b"\xef\xbb\xbf" + document(RUSSIAN).encode(), ""),
        (b"", ""),
    ],
)
def test_what_is_as_declared_is_left_alone(body: bytes, content_type: str) -> None:
    assert mended(body, content_type) is None


@pytest.mark.parametrize(
    ("declared", "content_type"),
    [("windows-1251", ""), ("utf-8", "text/xml; charset=ISO-8859-1"), (None, "a/b; charset=gbk")],
)
def test_what_is_utf8_is_read_as_that_whatever_it_declares(
    declared: str | None, content_type: str
) -> None:
    whole = document(RUSSIAN, declared)
    assert mended(whole.encode(), content_type) == (
        whole,
        "read as utf-8, which isn't what it declares",
    )


def test_a_few_broken_characters_change_no_encoding() -> None:
    cut = document(RUSSIAN).encode()
    cut = cut[: cut.index("Женеве".encode()) + 1]
    found = mended(cut, "")
    assert found is not None
    assert found[0].endswith("встретились в \ufffd")
    own = document(RUSSIAN, "windows-1251").encode("cp1251").replace(b"\xee", b"\x98", 1)
    found = mended(own, "")
    assert found == (
        document(RUSSIAN, "windows-1251").replace("о", "\ufffd", 1),
        "broken characters",
    )


@pytest.mark.parametrize("codec", ["undefined", "idna", "hex", "rot13", "utf_7", "unicode_escape"])
def test_odd_codecs_do_no_harm(codec: str) -> None:
    found = mended(document(RUSSIAN, codec).encode("cp1251"), f"text/xml; charset={codec}")
    assert found is None or isinstance(found[0], str)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", [b"<\xff>", b"\xd0", b"a\xe9 ", bytes(range(128, 256))])
def test_no_document_takes_for_ever(piece: bytes) -> None:
    began = time.monotonic()
    mended(piece * (2_000_000 // len(piece)), "")
    assert time.monotonic() - began < 10


@given(st.binary(max_size=200), st.sampled_from(["", "text/xml; charset=cp1251", "a; charset=x"]))
def test_any_bytes_become_text_or_nothing(body: bytes, content_type: str) -> None:
    found = mended(b"<a>\xff" + body, content_type)
    if found is not None:
        found[0].encode("utf-8")
