"""Every capture that stands in `captured/` is read by its vendor's side, however its bytes are cut: a file that is added is a test."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from headworks.gateway.leaves import DIALECTS
from headworks.wire.capture import BINARY, Capture, read
from headworks.wire.filler import Filler
from headworks.wire.openai.azure import azure_at
from headworks.wire.openai.compatible import openai_at
from headworks.wire.openai.dialect import SIDES
from headworks.wire.presets import BY_WORD
from headworks.wire.sides import VendorSide

FOLDER = Path(__file__).parent / "captured"
FILES = {f"{path.parent.name}/{path.name}": path for path in sorted(FOLDER.glob("*/*.json"))}


def capture(name: str) -> Capture:
    return msgspec.json.decode(FILES[name].read_bytes(), type=Capture)


def side(one: Capture) -> VendorSide:
    """What the vendor of a capture speaks."""
    word = BY_WORD[one.vendor]
    if word.speaks == "openai":
        return openai_at(word, tuple(SIDES))[one.api]
    return azure_at(word.base_url)[one.api] if word.word == "azure" else DIALECTS[word.speaks][one.api]


@pytest.mark.parametrize("name", FILES)
def test_its_folder_and_name_are_what_it_says(name: str) -> None:
    one = capture(name)
    assert name == f"{one.vendor}/{one.call}.json"
    assert msgspec.json.decode(one.request.body, type=dict[str, msgspec.Raw])
    assert one.request.path.startswith("/")


@pytest.mark.parametrize("name", FILES)
def test_it_is_read_as_what_was_asked_for(name: str) -> None:
    one = capture(name)
    found = read(side(one), one.streamed and one.response.status < 300, one.request.body.encode(), one.response)
    if one.response.status >= 300:
        assert found.error
        return
    assert (found.error, found.is_whole) == ("", True)
    assert found.finish
    assert found.usage is not None
    assert found.events


@pytest.mark.parametrize("step", [1, 100])
@pytest.mark.parametrize("name", [name for name in FILES if capture(name).streamed])
def test_it_is_read_the_same_however_it_is_cut(name: str, step: int) -> None:
    one = capture(name)
    is_stream, sent = one.response.status < 300, one.request.body.encode()
    assert read(side(one), is_stream, sent, one.response, step=step) == read(side(one), is_stream, sent, one.response)


class KeepsIds(Filler):
    """Fills everything but ids, whose filler is not to be told from them."""

    def _id(self, said: bytes) -> bytes:
        return said


@pytest.mark.parametrize("name", FILES)
def test_no_text_of_anybody_is_in_it(name: str) -> None:
    one = capture(name)
    filler, data = KeepsIds(b""), one.response.data
    if one.response.headers.get("content-type", "").encode().startswith(BINARY):
        assert filler.frames(data) == data
    else:
        fill = filler.stream if one.streamed and one.response.status < 300 else filler.body
        assert fill(data) == data
    assert filler.body(one.request.body.encode()) == one.request.body.encode()


def test_there_are_captures_of_every_api_that_callers_speak() -> None:
    apis = {capture(name).api for name in FILES}
    assert apis >= {"openai.chat", "openai.responses", "anthropic.messages", "gemini.generate"}
