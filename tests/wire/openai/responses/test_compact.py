"""A conversation in short, by a vendor of Responses."""

from __future__ import annotations

import json

import msgspec
import pytest

from headworks.core.dialect import Said, Weight
from headworks.core.errors import CallError, Rejected
from headworks.core.kept_answer import Conversation
from headworks.wire import hub
from headworks.wire.openai.responses.compact import COMPACT, OpenAICompact
from headworks.wire.openai.responses.envelope import Sealed, sealed
from headworks.wire.openai.translation.question_writer import body_of
from tests.wire.openai.responses.speaking import asked

VENDOR = OpenAICompact()
ANSWER = {
    "output": [{"type": "message", "content": [{"type": "output_text", "text": "hi"}]}, {"type": "compaction"}, 5],
    "usage": {"input_tokens": 3, "output_tokens": 2},
}


def test_it_is_asked_without_a_stream_a_bound_or_a_form_to_keep() -> None:
    said = COMPACT.read(b'{"model":"m","input":"hi","user":"u","stream":true}')
    assert (said.model, said.user, said.streamed, said.include_usage) == ("m", "u", False, False)
    assert COMPACT.question(b"{}") is None
    assert COMPACT.weigh(b"{}") == Weight(unbounded="compact")
    assert not COMPACT.is_ordinary(b"{}", ())
    assert COMPACT.read(b'{"model":"m","input":"hi","previous_response_id":"r"}').unkept is not None
    with pytest.raises(hub.Unsupported) as caught:
        body_of(COMPACT.question_of(b"{}"), "m")
    assert caught.value.said_in(COMPACT.table).param == "compact"


def test_a_vendor_is_sent_the_callers_bytes_without_what_is_ours() -> None:
    ours = {"type": "reasoning", "summary": [], "encrypted_content": sealed(Sealed("a", "hm"))}
    call = asked({"model": "m", "input": [ours, {"role": "user", "content": "hi"}], "x": 1})
    sent = json.loads(VENDOR.request(call, b'"v"', counted=False))
    assert sent == {"model": "v", "input": [{"role": "user", "content": "hi"}], "x": 1}
    assert VENDOR.request(asked(b'{"model":"m"}'), b'"v"', counted=False) == b'{"model":"v"}'
    assert VENDOR.request(asked(), b'"v"', counted=False) == b'{"model":"v","input":"hi"}'
    assert VENDOR.path("m", streamed=False) == b"/responses/compact"
    assert VENDOR.decoder(call) is None
    assert VENDOR.forwards(b"openai-beta")
    assert VENDOR.returned((), frozenset()) == ("", ())
    assert not VENDOR.refuses_counting(Rejected("x"), call)
    assert VENDOR.error(400, (), b"no", 0.0).message == "no"


def test_an_answer_has_its_tokens_and_what_is_none_is_an_error() -> None:
    body = msgspec.json.encode(ANSWER)
    chunk = VENDOR.whole(body, asked())
    assert chunk.usage is not None
    assert (chunk.data, chunk.size, chunk.usage.input_tokens, chunk.finish) == (body, 6, 3, "completed")
    assert VENDOR.spent(body).usage == chunk.usage
    for odd in (b"<", b"[1]", b"{}", b'{"error":{"message":"no"}}'):
        with pytest.raises(CallError):
            VENDOR.whole(odd, asked())
        assert VENDOR.spent(odd).received == 0


def test_it_may_go_on_from_a_kept_answer_or_refer_to_its_items_and_is_none_itself() -> None:
    turn = b'{"input":[{"role":"user","content":"a"}],"output":[]}'
    before = Conversation(id="resp_1", root="resp_1", total=1, turns=[turn], head=b"{}")
    body, _, is_kept = COMPACT.keeping.opened(b'{"model":"m","input":[],"previous_response_id":"resp_1"}', before, {})
    assert (json.loads(body), is_kept) == ({"model": "m", "input": [{"role": "user", "content": "a"}]}, False)
    assert COMPACT.keeping.opened(b'{"model":"m","input":"a"}', None, {}) == (b'{"model":"m","input":"a"}', b"", False)
    referring = b'{"model":"m","input":[{"type":"item_reference","id":"msg_1"}]}'
    body, _, is_kept = COMPACT.keeping.opened(referring, None, {"msg_1": b'{"id":"msg_1"}'})
    assert (json.loads(body), is_kept) == ({"model": "m", "input": [{"id": "msg_1"}]}, False)
    said = Said(id="", earlier="resp_1", is_kept=False)
    assert COMPACT.keeping.told(b'{"id":"resp_c"}', said, streamed=False) == b'{"id":"resp_c"}'
