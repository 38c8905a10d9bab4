"""The callers' side of OpenAI's API: what its parts are, and what is the same for both operations."""

from __future__ import annotations

import msgspec
import pytest

from headworks.core.dialect import Dialect
from headworks.core.errors import Failed
from headworks.core.request_id import request_id
from headworks.testing import call
from headworks.wire import hub
from headworks.wire.openai.caller import CHAT, EMBEDDINGS
from headworks.wire.openai.dialect import OPENAI
from headworks.wire.sides import CallerSide, TranslatedSide


@pytest.mark.parametrize("side", [CHAT, EMBEDDINGS], ids=lambda side: str(side.name))
def test_each_caller_has_a_vendors_side_of_the_same_name_and_operation(side: Dialect) -> None:
    assert OPENAI[side.name].operation == side.operation


def test_chat_can_be_told_in_other_apis_and_embeddings_cannot() -> None:
    assert isinstance(CHAT, CallerSide)
    assert isinstance(OPENAI["openai.chat"], TranslatedSide)
    assert not isinstance(EMBEDDINGS, CallerSide)
    assert not isinstance(OPENAI["openai.embeddings"], TranslatedSide)


def test_embeddings_are_whole_or_nothing() -> None:
    forms = EMBEDDINGS.forms
    assert forms.is_finished(b"{}", b"{}", None, streamed=False, is_bounded=False)
    assert forms.as_body(b"", b"") is None
    assert forms.as_events(b"{}") is None
    assert (EMBEDDINGS.splice, EMBEDDINGS.turns) == (None, None)
    with pytest.raises(AssertionError):
        forms.parted([])


def test_an_error_is_an_event_with_the_same_body() -> None:
    error = Failed("broke")
    assert CHAT.event(error) == b"data: %b\n\n" % CHAT.problem(error) == EMBEDDINGS.event(error)


def test_an_answer_whose_vendor_has_no_id_gets_one_of_the_calls_with_the_calls_time() -> None:
    id = request_id(lambda bits: 7)
    made = CHAT.encoder(msgspec.structs.replace(call(), id=id)).feed([hub.TextDelta(text="x")])
    said = msgspec.json.decode(made.removeprefix(b"data: "))
    assert (said["id"], said["model"]) == (f"chatcmpl-{id}", "assistant")
    assert said["created"] > 1_600_000_000
    assert b'"created":0' in CHAT.encoder(call()).feed([hub.TextDelta(text="x")])
