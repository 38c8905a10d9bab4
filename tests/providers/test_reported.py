"""Another model behind a name is told, in whole answers and in streams; the same one is not read again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core.errors import Failed
from headworks.providers.reported import MOST, MOST_IN_VAIN, START, ReportedModel, What
from headworks.wire.openai.caller import EMBEDDINGS
from tests.providers.test_remote import DONE, END, OPEN, STOP, Vendor, answer, ask, call, framed, run

Changes = list[tuple[What, str, str]]


def body(model: str, build: str | None = None, text: str = "Hi") -> bytes:
    said: dict[str, Any] = {
        "id": "1",
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1},
    }
    if build is not None:
        said["system_fingerprint"] = build
    return json.dumps(said, separators=(",", ":")).encode()


def stream(model: str, build: str = "fp_1") -> bytes:
    event = {
        "id": "1",
        "model": model,
        "system_fingerprint": build,
        "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}],
    }
    return OPEN + framed(f"data: {json.dumps(event)}\n\n".encode(), STOP, DONE) + END


class Watched(ReportedModel):
    """Counts how often an answer is read. (A slot more would be one too many for the class itself.)"""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0
        self.changes: Changes = []
        self.observer = lambda what, before, after: self.changes.append((what, before, after))

    def look(self, data: bytes) -> None:
        self.looks += 1
        super().look(data)


def test_a_new_model_in_a_whole_answer_is_told_once_and_a_known_one_is_not_read_again() -> None:
    async def main() -> None:
        models = ["gpt-5-a", "gpt-5-a", "gpt-5-b", "gpt-5-b", "gpt-5-a"]
        async with Vendor(*[[answer(body(model))] for model in models]) as vendor:
            watched = vendor.remote.reported = Watched()
            for _ in models:
                await ask(vendor.remote, call())
        assert watched.changes == [("model", "gpt-5-a", "gpt-5-b")]
        assert watched.looks == 2

    run(main)


def test_a_new_model_or_build_in_a_stream_is_told() -> None:
    async def main() -> None:
        scripts = [stream("a"), stream("a"), stream("b"), stream("b", "fp_2")]
        async with Vendor(*[[one] for one in scripts]) as vendor:
            watched = vendor.remote.reported = Watched()
            for _ in scripts:
                await ask(vendor.remote, call(streamed=True))
        assert watched.changes == [("model", "a", "b"), ("system_fingerprint", "fp_1", "fp_2")]
        assert watched.looks == 3

    run(main)


def test_a_build_that_is_told_later_than_the_first_answer_is_noticed_when_it_changes() -> None:
    async def main() -> None:
        scripts = [body("a"), body("a", "fp_1"), body("a", "fp_2")]
        async with Vendor(*[[answer(one)] for one in scripts]) as vendor:
            watched = vendor.remote.reported = Watched()
            for _ in scripts:
                await ask(vendor.remote, call())
        assert watched.changes == [("system_fingerprint", "fp_1", "fp_2")]

    run(main)


def test_a_model_named_at_the_end_of_a_long_answer_is_found_without_reading_it() -> None:
    async def main() -> None:
        long = json.dumps(
            {"data": [{"embedding": [0.5] * START}], "model": "e", "usage": {"prompt_tokens": 2}}
        ).encode()
        async with Vendor([answer(long)], [answer(long)]) as vendor:
            watched = vendor.remote.reported = Watched()
            for _ in range(2):
                await ask(vendor.remote, call(dialect=EMBEDDINGS))
        assert watched.looks == 1

    run(main)


def test_an_error_names_no_model() -> None:
    async def main() -> None:
        async with Vendor([answer(body("a"), 500)]) as vendor:
            watched = vendor.remote.reported = Watched()
            with pytest.raises(Failed):
                await ask(vendor.remote, call())
        assert watched.looks == 0

    run(main)


def test_a_vendor_that_names_no_model_is_not_looked_at_for_ever() -> None:
    names = ReportedModel()
    for _ in range(MOST_IN_VAIN):
        assert names.is_on
        names.look(b'{"choices":[]}')
    assert not names.is_on


def test_a_vendor_that_named_one_once_is_always_looked_at() -> None:
    names = ReportedModel()
    names.look(body("a"))
    for _ in range(2 * MOST_IN_VAIN):
        names.look(b"{}")
    assert names.is_on


def test_no_more_names_are_kept_than_eight_of_each_kind() -> None:
    watched = Watched()
    for number in range(100):
        watched.look(body(f"m{number}", f"fp{number}"))
    assert len(watched.known) == MOST
    assert len(watched.changes) == 2 * 99
    watched.look(body("m99", "fp50"))  # forgotten: it is new again
    assert watched.changes[-1] == ("system_fingerprint", "fp99", "fp50")
