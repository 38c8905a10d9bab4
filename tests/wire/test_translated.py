"""Callers of one API at a vendor of another: through the hub, here from toy to a toy of another name."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.errors import Cut, Failed, Garbled, Malformed, Rejected, VendorSaid
from headworks.core.reply import Chunk, Usage
from headworks.testing import call
from headworks.wire.density import MOST_PARTS
from headworks.wire.openai.caller import CHAT, EMBEDDINGS
from headworks.wire.openai.dialect import OPENAI
from headworks.wire.sides import StreamDecoder
from headworks.wire.translated import Translated, between, spoken
from tests.wire.toy.caller import OVER, TOY, event
from tests.wire.toy.vendor import TOY_VENDOR, ToyVendor

BODY = b'{"who":"a","say":[["rules","Be brief."],["me","Hi"]],"bits":true,"most":5}'
SIDE = Translated(TOY, ToyVendor())
STREAM = event({"bit": "Hel"}) + event({"bit": "lo \u00e9"}) + event({"why": "said", "cost": [7, 2], "more": 1}) + OVER


def asked(**fields: Any) -> Call:
    made = Call(id="r", alias="a", body=BODY, dialect=TOY, streamed=True, include_usage=True)
    return msgspec.structs.replace(made, **fields)


def decoder(asked: Call) -> StreamDecoder:
    made = SIDE.decoder(asked, b"")
    assert made is not None
    return made


def test_where_both_speak_the_same_the_vendors_own_side_serves() -> None:
    assert between(CHAT, OPENAI) is OPENAI["openai.chat"]
    assert between(EMBEDDINGS, OPENAI) is OPENAI["openai.embeddings"]
    assert between(TOY, TOY_VENDOR) is TOY_VENDOR["toy.say"]


def test_another_api_of_the_same_operation_is_translated_and_nothing_else() -> None:
    side = between(TOY, OPENAI)
    assert isinstance(side, Translated)
    assert side.vendor is OPENAI["openai.chat"]
    assert between(EMBEDDINGS, TOY_VENDOR) is None
    assert between(CHAT, {"openai.embeddings": OPENAI["openai.embeddings"]}) is None


def test_a_question_is_told_in_the_vendors_words_with_the_vendors_model_and_the_bound_that_we_add() -> None:
    sent = json.loads(SIDE.request(asked(), b'"m"', counted=False))
    assert sent == {"who": "m", "say": [["rules", "Be brief."], ["me", "Hi"]], "bits": True, "most": 5}
    assert json.loads(SIDE.request(asked(bound=3), b'"m"', counted=False))["most"] == 3


def test_a_body_of_too_many_parts_is_not_taken_apart() -> None:
    body = b'{"who":"m","say":[%b["me","Hi"]]}' % (b'["me","Hi"],' * MOST_PARTS)
    with pytest.raises(Malformed, match="too many to be written anew"):
        SIDE.request(msgspec.structs.replace(asked(), body=body), b'"m"', counted=False)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_stream_is_the_same_however_it_is_cut_and_knows_what_the_vendors_own_knew(size: int) -> None:
    stream = decoder(asked())
    chunks: list[Chunk] = []
    for at in range(0, len(STREAM), size):
        chunks += stream.feed(STREAM[at : at + size])
    assert stream.end() == []
    told = event({"bit": "Hel"}) + event({"bit": "lo \u00e9"}) + event({"why": "said", "cost": [7, 2]}) + OVER
    assert b"".join([chunk.data for chunk in chunks]) == told
    assert "".join([chunk.text for chunk in chunks]) == "Hello \u00e9"
    assert [chunk.last for chunk in chunks] == [False, False, False, True]
    assert chunks[2].finish == stream.finish == "said"
    assert stream.usage == chunks[-1].usage == Usage(input=7, output=2)
    assert (stream.is_headed, stream.is_done, stream.is_complete, stream.is_counted) == (True, True, True, True)
    assert (stream.fault, stream.pending, stream.received, stream.uncounted) == (None, 0, 7, 0)


def test_the_event_with_the_tokens_is_kept_from_a_caller_who_did_not_ask_for_it() -> None:
    counted = decoder(asked())
    alone = decoder(asked(include_usage=False))
    assert joined(counted.feed(STREAM)) == joined(alone.feed(STREAM))  # toy's stands in another, so nothing is hidden


def joined(chunks: list[Chunk]) -> bytes:
    return b"".join([chunk.data for chunk in chunks])


@pytest.mark.parametrize(("good", "kind"), [(event({"bit": "Hel"}), Cut), (b"", Garbled)])
def test_what_cannot_be_translated_is_a_fault_behind_the_chunks_that_can(good: bytes, kind: type[Exception]) -> None:
    stream = decoder(asked())
    chunks = stream.feed(good + event({"strange": 1}) + event({"bit": "lost"}))
    assert joined(chunks) == good
    assert type(stream.fault) is kind
    assert stream.feed(event({"bit": "more"})) == []
    assert not stream.is_done


def test_a_vendors_own_fault_is_the_streams() -> None:
    stream = decoder(asked())
    assert len(stream.feed(event({"bit": "Hel"}) + b'event: oops\ndata: {"oops":"broken"}\n\n')) == 1
    fault = stream.fault
    assert isinstance(fault, Cut)
    assert fault.message == "broken"
    stream.give_up()
    assert stream.received == 3


def test_a_vendor_without_streams_has_none_in_another_apis_words_either() -> None:
    class Streamless(ToyVendor):
        def decoder(self, call: Call, sent: bytes = b"", /) -> None:  # type: ignore[override]  # the toy has streams
            return None

    assert Translated(TOY, Streamless()).decoder(asked()) is None


def test_a_whole_answer_is_told_in_the_callers_words() -> None:
    chunk = SIDE.whole(b'{"words":"Hi","why":"full","cost":[3,1],"more":1}', asked(), b"")
    assert json.loads(chunk.data) == {"words": "Hi", "why": "full", "cost": [3, 1]}
    assert (chunk.text, chunk.finish, chunk.usage) == ("Hi", "full", Usage(input=3, output=1))
    with pytest.raises(Garbled):
        SIDE.whole(b"{}", asked(), b"")


def test_a_vendors_error_has_our_words_for_its_kind_and_its_own_message() -> None:
    error = SIDE.error(400, (), b'{"oops":"too odd"}', 0.0)
    assert isinstance(error, Rejected)
    assert error.said == VendorSaid(status=400, message="too odd", type="invalid_request_error", code="invalid_request")
    bare = Failed("broke")
    assert spoken(bare) is bare
    assert bare.said is None


def test_the_rest_is_the_vendors_own() -> None:
    assert SIDE.path("a/b", streamed=True) == b"/a%2Fb/bits"
    assert SIDE.operation == "chat"
    assert SIDE.returned([(b"x-a", b"1"), (b"x-b", b"2")], frozenset({b"x-b"})) == ("", ((b"x-b", b"2"),))
    assert not SIDE.forwards(b"x-a")
    assert SIDE.spent(b"{}").usage is None
    assert not SIDE.refuses_counting(Failed("no"), call())
