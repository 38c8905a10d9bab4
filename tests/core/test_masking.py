"""A vendor that repeats our key: what hides it, in every spelling, and what is left alone."""

from __future__ import annotations

import base64
import json
from random import Random
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.errors import Garbled, Rejected, VendorSaid
from headworks.core.masking import MASK, MOST_LOOKS, NOTHING, SHORT, Mask, spelled
from headworks.core.reply import Chunk
from tests.patterns import fault

KEYS = (
    "sk-proj-aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6kL9n",
    "Zx9+abc/def==ghi",
    "withoutanydigits",
    "8f14e45f-ceea-467a-9575-1d5b3a9a5b2a",
    "a b<c>d&e\"f\\g'h=i",
    "ab+cd/ef+gh=ij!kl",
)
KEY = KEYS[1]
MASKS = {key: Mask([key]) for key in KEYS}


def escaped(key: str) -> str:
    """As an encoder of JSON may write it that is careful with HTML."""
    return "".join(c if c.isalnum() or c in "-._~" else f"\\u{ord(c):04x}" for c in key)


SPELLINGS = {
    "plain": lambda key: key,
    "a header": lambda key: f"authorization: Bearer {key}",
    "percent": lambda key: quote(key, safe=""),
    "percent, lower": lambda key: quote(key, safe="").replace("%2B", "%2b").replace("%2F", "%2f"),
    "percent, but slashes": quote,
    "percent, twice": lambda key: quote(quote(key, safe=""), safe=""),
    "all marks in percent": lambda key: "".join(c if c.isalnum() or c in "-._~" else f"%{ord(c):02X}" for c in key),
    "JSON": json.dumps,
    "JSON, slashes": lambda key: json.dumps(key).replace("/", "\\/"),
    "JSON, marks": escaped,
    "JSON in JSON": lambda key: json.dumps(json.dumps({"key": key}).replace("/", "\\/")),
    "HTML": lambda key: key.replace("+", "&#43;").replace("/", "&#x2F;"),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 of a header": lambda key: base64.b64encode(f"Bearer {key}".encode()).decode(),
    "base64 of a pair": lambda key: base64.b64encode(f"user:{key}!".encode()).decode(),
    "base64 of another": lambda key: base64.b64encode(f"ab{key}xy".encode()).decode(),
    "base64 for URLs": lambda key: base64.urlsafe_b64encode(key.encode()).decode().rstrip("="),
}


def left(key: str, data: bytes) -> set[str]:
    """What a reader could still put together of a key: its pieces of eight bytes."""
    text = data.decode("utf-8", "replace")
    return {key[at : at + 8] for at in range(len(key) - 7) if key[at : at + 8] in text}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_key_that_comes_back_is_hidden_however_it_is_spelled(key: str, spelling: str) -> None:
    mask = MASKS[key]
    text = SPELLINGS[spelling](key)
    data = f'{{"error": "you sent {text} to us"}}'.encode()
    assert mask.shows(data)
    assert mask.shows(b"", [(b"x-echo", text.encode())])
    hidden = mask.masked(data)
    assert MASK in hidden
    assert not left(key, hidden)
    assert text.encode() not in hidden
    assert hidden.startswith(b'{"error": "you sent ')
    assert hidden.endswith(b' to us"}')


@pytest.mark.parametrize("key", [key for key in KEYS if '"' not in key])
def test_an_event_that_holds_a_key_is_valid_json_without_it(key: str) -> None:
    for text in (json.dumps(key), json.dumps(key).replace("/", "\\/"), f'"{escaped(key)}"'):
        hidden = MASKS[key].masked(b'{"a":%b,"b":1}' % text.encode())
        assert json.loads(hidden) == {"a": "***", "b": 1}


def test_each_time_it_stands_there_it_is_hidden() -> None:
    data = b" ".join(spelled.encode() for spelled in (KEY, quote(KEY, safe=""), KEY, escaped(KEY))) + b" end"
    assert MASKS[KEY].masked(data) == b"*** *** *** *** end"


def test_what_holds_no_secret_is_given_back_as_it_is() -> None:
    data = Random(1).randbytes(100_000)
    for mask in (*MASKS.values(), NOTHING):
        assert mask.masked(data) is data
    assert not any(MASKS[key].shows(data, [(b"a", b"b")]) for key in KEYS[:3])
    assert not NOTHING.shows(data, [(b"a", b"b")])


@given(st.binary(max_size=200), st.binary(max_size=200), st.sampled_from(KEYS))
def test_bytes_around_a_key_stay(before: bytes, after: bytes, key: str) -> None:
    hidden = MASKS[key].masked(b"<" + before + b"  " + key.encode() + b"  " + after + b">")
    assert key.encode() not in hidden
    assert hidden.startswith(b"<")
    assert hidden.endswith(b">")


@pytest.mark.parametrize("key", KEYS)
def test_a_text_made_of_pieces_of_a_key_is_looked_at_a_bounded_number_of_times(key: str) -> None:
    for spelling in spelled(key.encode()):
        looked = 0

        class Counting:
            """The pattern, with its searches counted."""

            def __init__(self, inner: object) -> None:
                self.inner = inner

            def search(self, *given: object) -> object:
                nonlocal looked
                looked += 1
                return self.inner.search(*given)  # type: ignore[attr-defined]

            def sub(self, *given: object) -> object:
                return self.inner.sub(*given)  # type: ignore[attr-defined]

        spelling._pattern = Counting(spelling.pattern)  # type: ignore[assignment]
        hidden = spelling.masked(spelling.needle * 5000)
        assert looked <= MOST_LOOKS
        assert len(hidden) <= 5000 * max(len(spelling.needle), len(MASK))


@pytest.mark.parametrize("key", KEYS[:4])
def test_no_pattern_for_a_secret_takes_more_than_linear_time(key: str) -> None:
    assert {fault(one.pattern.pattern) for one in spelled(key.encode())} == {""}


def test_what_is_long_and_full_of_pieces_of_a_key_is_hidden_to_its_end() -> None:
    mask = MASKS[KEYS[0]]
    needle = spelled(KEYS[0].encode())[0].needle
    data = needle * (MOST_LOOKS + 10) + KEYS[0].encode()
    assert not left(KEYS[0][8:], mask.masked(data)[-60:])


# Short ones


def test_a_short_secret_is_hidden_in_errors_and_not_in_answers() -> None:
    short = "k" * (SHORT - 1)
    mask = Mask([short, "none"])
    assert mask.needles == ()
    assert mask.shows(b"", [(b"x-request-id", short.encode())])
    data = f"{short} none".encode()
    assert not mask.shows(data)
    assert mask.masked(data) is data
    assert mask.long(f"{short} none") == f"{short} none"
    assert mask.text(f"you sent {short}, none of it") == "you sent ***, *** of it"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("none", "***"),
        ("a none b", "a *** b"),
        ("nonetheless, phenone", "nonetheless, phenone"),
        ("Bearer%20none", "Bearer%20***"),
        ("\\u0022none\\u0022", "\\u0022***\\u0022"),
        ("", ""),
    ],
)
def test_a_secret_that_is_a_word_counts_where_it_stands_alone(text: str, hidden: str) -> None:
    assert Mask(["none"]).text(text) == hidden


@pytest.mark.parametrize("end", ["", "..."])
def test_the_beginning_of_a_key_at_the_end_of_a_text_that_was_cut_is_hidden(end: str) -> None:
    mask = MASKS[KEYS[0]]
    assert mask.text(f"your key {KEYS[0][:20]}{end}") == f"your key ***{end}"
    assert mask.text(f"your key {KEYS[0][:5]}{end}") == f"your key {KEYS[0][:5]}{end}"
    assert mask.text(f"your key {KEYS[0][:20]} is wrong{end}") == f"your key {KEYS[0][:20]} is wrong{end}"


# Errors, chunks


def test_an_error_is_the_same_error_without_the_secret() -> None:
    said = VendorSaid(status=400, message=f"bad {KEY}", type=KEY, code=f"{KEY}", param=KEY, request_id=f"r-{KEY}")
    error = Rejected(f"bad {KEY}", said=said, param=f"a.{KEY}", retry_after=3.0).at(f"host/{KEY}")
    same = MASKS[KEY].error(error)
    assert same is error
    assert (error.message, error.param, error.place, error.retry_after) == ("bad ***", "a.***", "host/***", 3.0)
    assert error.said == VendorSaid(
        status=400, message="bad ***", type="***", code="***", param="***", request_id="r-***"
    )
    assert MASKS[KEY].error(Garbled("no JSON")).message == "no JSON"


def test_half_of_a_surrogate_pair_beside_a_secret_stays() -> None:
    assert MASKS[KEY].text(f"\ud83d {KEY}") == "\ud83d ***"


def test_of_a_chunk_everything_is_hidden_that_a_caller_or_a_record_may_see() -> None:
    mask = MASKS[KEY]
    shown = json.dumps(KEY).encode()
    chunks = [
        Chunk(data=b"data: {}\n\n", text="a"),
        Chunk(data=b"data: %b\n\n" % shown, text=f"so {KEY}", finish=KEY),
        Chunk(data=b"", unasked=b"data: %b\n\n" % shown),
    ]
    mask.chunks(chunks)
    assert [(one.data, one.unasked, one.text, one.finish) for one in chunks] == [
        (b"data: {}\n\n", b"", "a", None),
        (b'data: "***"\n\n', b"", "so ***", "***"),
        (b"", b'data: "***"\n\n', "", None),
    ]


def test_a_mask_shows_no_secret_itself() -> None:
    assert KEY not in repr(MASKS[KEY])
    with pytest.raises(TypeError):
        msgspec.json.encode(MASKS[KEY])
