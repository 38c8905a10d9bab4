"""Multipart bodies: only fields are read, and whatever is wrong is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.errors import Malformed
from headworks.wire.openai.passed.multipart import MOST_PARTS, boundary, fields, text

ALL = frozenset({"model", "user"})


def part(name: str, value: bytes, more: str = "") -> bytes:
    return f'Content-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"


def form(*parts: bytes, mark: bytes = b"xyz") -> bytes:
    return b"".join(b"--" + mark + b"\r\n" + one for one in parts) + b"--" + mark + b"--\r\n"


def test_fields_are_found_beside_files() -> None:
    body = form(
        part("file", b"\0\r\n\r\n--xy\r\nmodel", '; filename="a.wav"'), part("model", b"whisper"), part("user", b"")
    )
    assert boundary(body) == b"xyz"
    found = fields(body, ALL)
    assert {name: text(body, place, name) for name, place in found.items()} == {"model": "whisper", "user": ""}


def test_a_header_may_be_written_in_any_case_and_have_others_beside_it() -> None:
    body = b'--b\r\ncontent-type: text/plain\r\ncontent-disposition: form-data; filename="name=1"; NAME="model"\r\n\r\nm\r\n--b--'
    assert fields(body, ALL) == {"model": (body.index(b"m\r\n--b--"), body.index(b"\r\n--b--"))}
    assert fields(b"--b\r\ncontent-type: a/b\r\n\r\nx\r\n--b--", ALL) == {}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"--\r\n", "begins with its boundary"),
        (b"--x", "begins with its boundary"),
        (b"--b\r\nno headers", "cut off"),
        (b"--b\r\n" + part("model", b"m"), "cut off"),
        (b"--bXX" + part("model", b"m"), "begins with its boundary"),
        (b"--b\r\n" + b"x: y\r\n" * 2000 + b"\r\n\r\n\r\n--b--", "no headers that can be read"),
        (form(part("model", b"a"), part("model", b"b")), "`model` stands twice"),
        (form(*[part("x", b"")] * (MOST_PARTS + 1)), "more than 200 parts"),
        (b"--b\r\n" + part("model", b"m") + b"--b? \r\n", "cut off"),
    ],
)
def test_what_is_wrong_is_told(body: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        fields(body, ALL)


HIDDEN = [
    b"Content-Disposition: form-data; name=mod el\r\n\r\nother\r\n",
    b"Content-Disposition: form-data; name=model\r\n\r\nother\r\n",
    b"Content-Disposition: form-data; name*=utf-8''model\r\n\r\nother\r\n",
    b'Content-Disposition: form-data; name="mod\\el"\r\n\r\nother\r\n',
    b'Content-Disposition: form-data; name="x"; name="model"\r\n\r\nother\r\n',
    b'Content-Disposition: form-data; filename="; name=\\"x\\""; name=model\r\n\r\nother\r\n',
    b'Content-Disposition: form-data; name="x"\r\nContent-Disposition: form-data; name="model"\r\n\r\nother\r\n',
    b'Content-Disposition: form-data;\r\n name="model"\r\n\r\nother\r\n',
    b'Content-Type: text/plain\nContent-Disposition: form-data; name="model"\r\n\r\nother\r\n',
    b'Content-Disposition: form-data; name="x" "model"\r\n\r\nother\r\n',
    b'Content-Disposition: attachment; name="model"\r\n\r\nother\r\n',
]
"""Parts in which some reader sees a `model`, and another does not."""


@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_model_that_only_another_reader_sees_is_refused(hidden: bytes) -> None:
    for body in (form(part("model", b"m"), hidden), form(hidden, part("model", b"m"))):
        with pytest.raises(Malformed, match=r"in one line|name once|stands twice"):
            fields(body, ALL)


def test_a_part_that_only_another_reader_sees_is_refused() -> None:
    mine, other = part("model", b"mine"), part("model", b"other")
    with pytest.raises(Malformed, match="bare line feed"):
        fields(form(part("file", b"\n--xyz\n" + other), mine), ALL)
    with pytest.raises(Malformed, match="or the end of the form"):
        fields(form(mine) + form(other), ALL)


def test_a_form_of_dotnet_is_read() -> None:
    file = b"Content-Disposition: form-data; name=file; filename=a.wav; filename*=utf-8''a.wav\r\n\r\nsound\r\n"
    model = b"Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=model \r\n\r\nwhisper\r\n"
    body = form(file, model)
    assert text(body, fields(body, ALL)["model"], "model") == "whisper"


@pytest.mark.parametrize("filename", ["a.wav", "; name=model", '\\"a\\".wav', "C:\\a.wav", "ä.wav"])
def test_a_files_own_name_may_say_anything(filename: str) -> None:
    body = form(part("file", b"x", f'; filename="{filename}"'), part("model", b"m"))
    assert text(body, fields(body, ALL)["model"], "model") == "m"


@pytest.mark.parametrize("value", [b"\xff", b"m" * 5000])
def test_a_field_is_a_short_text(value: bytes) -> None:
    body = form(part("model", value))
    with pytest.raises(Malformed, match="`model` must be a text"):
        text(body, fields(body, ALL)["model"], "model")


@given(st.binary(max_size=200))
def test_any_bytes_are_fields_or_malformed(data: bytes) -> None:
    for body in (data, b"--b\r\n" + data, form(part("model", data))):
        try:
            found = fields(body, ALL)
        except Malformed:
            continue
        assert all(0 <= start <= end <= len(body) for start, end in found.values())
