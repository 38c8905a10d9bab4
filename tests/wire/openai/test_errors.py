"""Whose fault a vendor's error is, and in which words a caller sees it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from headworks.core.call import Call
from headworks.core.dialect import Headers
from headworks.core.errors import (
    CallError,
    Cut,
    Denied,
    Expired,
    Failed,
    Filtered,
    Malformed,
    NoTarget,
    QuotaExceeded,
    Rejected,
    Resting,
    RestingAtLimit,
    Throttled,
    TooLong,
    Unreachable,
    VendorSaid,
)
from headworks.wire.error_reading import MOST_NAME
from headworks.wire.openai.caller import CHAT
from headworks.wire.openai.dialect import OPENAI
from headworks.wire.openai.errors import event, garbled, problem, vendor_error

HTML_502 = (Path(__file__).parent / "recorded" / "bad_gateway.html").read_bytes()
QUOTA = b'{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}'
RATE = b'{"error":{"message":"Rate limit reached","type":"requests","param":null,"code":"rate_limit_exceeded"}}'
KEY = b'{"error":{"message":"Incorrect API key provided: sk-proj-abc123**********xyz9. You can find yours.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}'


def error_of(status: int, body: bytes = b"", headers: Headers = ()) -> CallError:
    return vendor_error(status, headers, body, 1_795_435_200.0)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"error":{"message":"bad","type":"invalid_request_error"}}', Rejected),
        (413, b"", Rejected),
        (415, b"", Rejected),
        (422, b'{"detail":"bad"}', Rejected),
        (451, b"", Rejected),
        (400, KEY, Denied),
        (401, KEY, Denied),
        (402, b'{"error":{"message":"Insufficient Balance"}}', Denied),
        (403, b'{"error":{"message":"Country, region, or territory not supported"}}', Denied),
        (404, b'{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}', Denied),
        (405, b'{"detail":"Method Not Allowed"}', Denied),
        (400, b'{"error":{"message":"The model `x` does not exist or you do not have access to it."}}', Denied),
        (400, b'{"message":"Model Not Exist","type":"invalid_request_error"}', Denied),
        (400, b'{"object":"error","message":"Invalid model: x","type":"invalid_model","code":"1500"}', Denied),
        (
            400,
            b'[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]',
            Denied,
        ),
        (400, b'{"error":{"message":"Your credit balance is too low to access the API."}}', Denied),
        (429, QUOTA, Denied),
        (429, RATE, Throttled),
        (
            429,
            b'[{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED"}}]',
            Throttled,
        ),
        (429, b"slow down", Throttled),
        (400, b'{"error":{"message":"Invalid value: \'Incorrect API key provided\'"}}', Rejected),
        (408, b"", Failed),
        (409, b"", Failed),
        (424, b"", Failed),
        (500, b"", Failed),
        (503, b"", Failed),
        (529, b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', Failed),
        (502, HTML_502, Failed),
        (301, b"", Denied),
    ],
)
def test_whose_turn_it_is(status: int, body: bytes, kind: type[CallError]) -> None:
    error = error_of(status, body)
    assert type(error) is kind
    assert error.said is not None
    assert error.said.status == status
    assert error.shown_status == (502 if kind is Denied else status)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            b'{"error":{"message":"Bad n","type":"invalid_request_error","param":"n","code":"integer_above_max_value"}}',
            VendorSaid(
                status=400, message="Bad n", type="invalid_request_error", param="n", code="integer_above_max_value"
            ),
        ),
        (
            b'{"error":{"message":"m","code":400,"param":["a"],"type":7}}',
            VendorSaid(status=400, message="m", code="400"),
        ),
        (b'{"error":"just text"}', VendorSaid(status=400, message="just text")),
        (b'{"error":"invalid_request","message":"longer"}', VendorSaid(status=400, message="longer")),
        (b'{"message":"m","type":"t"}', VendorSaid(status=400, message="m", type="t")),
        (b'{"detail":"d"}', VendorSaid(status=400, message="d")),
        (
            b'{"detail":[{"loc":["body","n"],"msg":"too large"},{"msg":"and more"}]}',
            VendorSaid(status=400, message="body.n: too large; body: and more"),
        ),
        (b'{"error":{"message":{"a":1}}}', VendorSaid(status=400, message='{"a":1}')),
        (b'{"error":null}', VendorSaid(status=400, message="The vendor answered 400 without a message.")),
        (b"{}", VendorSaid(status=400, message="The vendor answered 400 without a message.")),
        (b"null", VendorSaid(status=400, message="The vendor answered 400 without a message.")),
        (b'"text"', VendorSaid(status=400, message="text")),
        (b"[]", VendorSaid(status=400, message="[]")),
        (b"7", VendorSaid(status=400, message="7")),
        (b"", VendorSaid(status=400, message="The vendor answered 400 without a message.")),
        (b" upstream connect error ", VendorSaid(status=400, message="upstream connect error")),
        (b"caf\xe9", VendorSaid(status=400, message="caf\N{REPLACEMENT CHARACTER}")),
        (b"[" * 3000, VendorSaid(status=400, message="[" * 2000 + "...")),
        (HTML_502, VendorSaid(status=400, message="The vendor answered 400 with an HTML page: 502 Bad Gateway.")),
        (b"<!DOCTYPE html><p>hi", VendorSaid(status=400, message="The vendor answered 400 with an HTML page.")),
        (
            b'[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}]',
            VendorSaid(status=400, message="m", type="INVALID_ARGUMENT", code="400"),
        ),
    ],
)
def test_errors_of_any_shape_are_read(body: bytes, said: VendorSaid) -> None:
    assert error_of(400, body).said == said


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"message":"m","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}',
        b'{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error"}}',
        b'{"object":"error","message":"This model\'s maximum context length is 4096 tokens. However, you requested 5000.","code":400}',
        b'{"error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}',
        b'[{"error":{"code":400,"message":"The input token count (9) exceeds the maximum number of tokens allowed (8).","status":"INVALID_ARGUMENT"}}]',
    ],
)
def test_a_question_that_is_too_long_is_told_from_others(body: bytes) -> None:
    error = error_of(400, body)
    assert type(error) is TooLong
    assert error.blame == "caller"
    assert error.shown_status == 400


def test_what_a_vendor_quotes_of_a_caller_does_not_say_that_it_is_too_long() -> None:
    quoted = json.dumps({"error": {"message": "Invalid value: " + "x" * 500 + " context length"}}).encode()
    assert type(error_of(400, quoted)) is Rejected


@pytest.mark.parametrize("code", ["content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"])
def test_a_refusal_by_a_content_policy_is_told_from_others(code: str) -> None:
    error = error_of(400, json.dumps({"error": {"message": "m", "code": code}}).encode())
    assert type(error) is Filtered
    assert error.blame == "caller"


def test_a_long_message_is_cut() -> None:
    error = error_of(400, json.dumps({"error": {"message": "x" * 100_000}}).encode())
    assert error.said is not None
    assert len(error.said.message) == 2003


def test_a_vendors_wait_and_request_id_are_kept() -> None:
    headers = [(b"retry-after", b"Mon, 23 Nov 2026 12:00:30 GMT"), (b"x-request-id", b"req_9")]
    error = error_of(429, RATE, headers)
    assert error.retry_after == 30.0
    assert error.said is not None
    assert error.said.request_id == "req_9"
    assert error_of(503, b"", [(b"retry-after", b"2")]).retry_after == 2.0


@pytest.mark.parametrize(
    ("status", "said", "retry"),
    [
        (500, b"true", "here"),
        (500, b"false", "elsewhere"),
        (500, b"maybe", "here"),
        (400, b"true", "here"),
        (400, b"false", "never"),
        (401, b"false", "elsewhere"),
        (429, b"false", "elsewhere"),
    ],
)
def test_x_should_retry_is_obeyed(status: int, said: bytes, retry: str) -> None:
    error = error_of(status, b"", [(b"x-should-retry", said)])
    assert error.retry == retry
    assert Failed().retry == "here", "the class itself has not changed"


def test_a_key_in_a_vendors_words_is_never_repeated() -> None:
    error = error_of(401, KEY)
    for text in (str(error), problem(error).decode(), event(error).decode(), repr(error.said)):
        assert "abc123" not in text
        assert "xyz9" not in text
    assert json.loads(problem(error))["error"]["code"] == "upstream_denied"
    assert "find yours" in str(error.said), "the operator may read the rest"


SAID = VendorSaid(status=418, message="the vendor's words", type="teapot", code="short", param="stout")


@pytest.mark.parametrize("error", [kind("ours", said=SAID) for kind in (Rejected, Throttled, Failed, Cut)])
def test_a_vendors_words_are_shown_again(error: CallError) -> None:
    assert json.loads(problem(error)) == {
        "error": {"message": "the vendor's words", "type": "teapot", "param": "stout", "code": "short"}
    }


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (Malformed("no `n`", param="n"), ("no `n`", "invalid_request_error", "n", "invalid_request")),
        (QuotaExceeded("too fast"), ("too fast", "rate_limit_error", None, "rate_limit_exceeded")),
        (Expired(phase="answer"), ("timed out: answer", "timeout_error", None, "timeout")),
        (Unreachable("refused"), ("refused", "api_error", None, "upstream_unreachable")),
        (Resting("v/m: try again"), ("v/m: try again", "overloaded_error", None, "upstream_resting")),
        (RestingAtLimit("v/m: try again"), ("v/m: try again", "rate_limit_error", None, "rate_limit_exceeded")),
        (NoTarget("none left"), ("none left", "api_error", None, "upstream_unavailable")),
        (Failed("broke"), ("broke", "api_error", None, "upstream_error")),
        (Failed("", said=VendorSaid(status=500, message="m")), ("m", "api_error", None, None)),
    ],
)
def test_our_own_errors_have_openais_shape(error: CallError, shown: tuple[str | None, ...]) -> None:
    assert tuple(json.loads(problem(error))["error"].values()) == shown


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"id":"x","choi', 'The vendor\'s answer is not JSON: {"id":"x","choi'),
        (b"<html><title>Hi</title>", "The vendor's answer is not JSON: The vendor answered 200 with an HTML page: Hi."),
    ],
)
def test_a_piece_of_an_answer_is_not_shown_as_a_message(body: bytes, message: str) -> None:
    shown = json.loads(problem(garbled(body)))["error"]
    assert shown == {"message": message, "type": "api_error", "param": None, "code": "upstream_garbled"}


def client(answer: httpx2.Response) -> openai.AsyncOpenAI:
    """The official SDK over an answer that is already there."""
    transport = httpx2.MockTransport(lambda _: answer)
    return openai.AsyncOpenAI(
        api_key="k", base_url="http://test/v1", max_retries=0, http_client=httpx2.AsyncClient(transport=transport)
    )


def ask(answer: httpx2.Response, *, stream: bool) -> Any:
    async def run() -> list[Any]:
        async with client(answer) as sdk:
            reply: Any = await sdk.chat.completions.create(
                model="a", messages=[{"role": "user", "content": "hi"}], stream=stream
            )
            return [chunk async for chunk in reply]

    return asyncio.run(run())


def test_the_official_sdk_raises_on_our_event() -> None:
    chunk = b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[]}\n\n'
    body = chunk + event(Cut("The stream ended early."))
    answer = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)
    with pytest.raises(openai.APIError, match=r"The stream ended early\.") as caught:
        ask(answer, stream=True)
    assert caught.value.code == "upstream_cut"
    assert caught.value.type == "api_error"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (error_of(400, b'{"error":{"message":"m","param":"n","code":"c"}}'), openai.BadRequestError),
        (error_of(422), openai.UnprocessableEntityError),
        (error_of(429, RATE), openai.RateLimitError),
        (error_of(401, KEY), openai.InternalServerError),
        (Malformed("m", param="n"), openai.BadRequestError),
    ],
)
def test_the_official_sdk_raises_the_class_that_its_user_catches(
    error: CallError, kind: type[openai.APIStatusError]
) -> None:
    answer = httpx2.Response(error.shown_status, headers={"content-type": "application/json"}, content=problem(error))
    with pytest.raises(kind) as caught:
        ask(answer, stream=False)
    shown = json.loads(problem(error))["error"]
    assert (caught.value.code, caught.value.param, caught.value.type) == (shown["code"], shown["param"], shown["type"])


# What no vendor should say


@pytest.mark.parametrize("status", [600, 666, 999])
@pytest.mark.parametrize(
    "body", [b"", b"slow down", QUOTA, KEY, b'{"error":{"message":"bad","type":"invalid_request_error"}}']
)
def test_a_status_that_http_does_not_know_is_a_failed_attempt_and_shown_as_ours(status: int, body: bytes) -> None:
    error = error_of(status, body, [(b"retry-after", b"3")])
    assert isinstance(error, Failed)
    assert (error.retry, error.about, error.blame, error.retry_after) == ("here", "target", "vendor", 3.0)
    assert (error.shown_status, json.loads(problem(error))["error"]["type"] is not None) == (502, True)


@pytest.mark.parametrize("status", [422, 429, 400, 503])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"detail":[{"loc":5,"msg":"x"}]}', "body: x"),
        (b'{"detail":[{"loc":["a",{"b":1}],"msg":5},{"msg":null},{"msg":"y","loc":null}]}', "body: y"),
        (b'{"error":{"message":["a",1],"code":{"b":1},"type":[],"param":7}}', "a"),
        (b'{"error":{"message":"half \\ud83d","code":true}}', "half"),
        (b'{"error":{"message":"m","code":%b}}' % (b"9" * 4300), "m"),
        (b'{"error":{"message":"m","code":"%b"}}' % (b"c" * 70_000), "m"),
    ],
)
def test_odd_members_leave_the_status_and_the_words_as_far_as_they_can_be_read(
    status: int, body: bytes, words: str
) -> None:
    error = error_of(status, body)
    shown = json.loads(problem(error))["error"]
    assert error.shown_status == status
    assert words in shown["message"]
    assert len(shown["code"] or "") <= MOST_NAME


NESTED = (
    '{"error":{"message":%s}}',
    '{"error":{"message":{"message":%s}}}',
    '{"choices":[{"message":{"content":"x"},"error":{"message":%s}}]}',
    '{"msg":"x","code":5,"data":%s}',
    '{"x_groq":{"error":{"a":%s}},"choices":[{"delta":{"content":"x"}}]}',
)


@pytest.mark.parametrize("body", NESTED)
def test_no_depth_breaks_the_reading_of_an_error_wherever_it_stands(body: str) -> None:
    # The first reading skips what the second one, deeper in the stack, cannot take: only some depths show it.
    asked = Call(id="r", alias="a", body=b"{}", dialect=CHAT, streamed=True)
    found: set[str] = set()
    for depth in (400, *range(900, 1000, 3)):
        said = (body % ("[" * depth + "1" + "]" * depth)).encode()
        errors = [error_of(status, said) for status in (400, 429)]
        for surface in OPENAI.values():
            with contextlib.suppress(CallError):
                surface.whole(said, asked)
        decoder = OPENAI["openai.chat"].decoder(asked)
        assert decoder is not None
        decoder.feed(b"data: " + said + b"\n\n")
        errors += [decoder.fault] if decoder.fault is not None else []
        found |= {type(error).__name__ for error in errors if problem(error)}
    assert found <= {"Rejected", "Throttled", "Garbled", "Cut", "Failed", "Denied"}


def test_half_of_a_surrogate_pair_in_an_error_inside_a_success_is_shown_as_a_replacement() -> None:
    asked = Call(id="r", alias="a", body=b"{}", dialect=CHAT)
    with pytest.raises(CallError) as caught:
        OPENAI["openai.chat"].whole(b'{"error":{"message":"bad \\ud83d","code":"\\udc00"}}', asked)
    assert (
        json.loads(problem(caught.value))["error"]["message"].startswith("The vendor") or "bad" in caught.value.message
    )


@pytest.mark.parametrize(
    ("page", "title"),
    [
        (b"<html><head><TITLE lang=en>\n 502 Bad Gateway </title>", ": 502 Bad Gateway"),
        (b"<html><title>" + b"x" * 201 + b"</title>", ""),
        (b"<html><title></title>", ""),
        (b"<html><title>never closed", ""),
        (b"<html><title never opened", ""),
        ("<html><title>İstanbul</title>".encode(), ": İstanbul"),
        (b"<html>" + b"<title" * 20 + b">" + b" " * 1500 + b"x", ""),
        (b"<html>" + b"<title>" * 1000, ""),
        (b"<html>" + b"<title" * 900 + b">" + b" " * 2500 + b"</titl", ""),
    ],
)
def test_a_page_is_told_by_its_title_which_is_looked_for_once(page: bytes, title: str) -> None:
    assert error_of(502, page).message == f"The vendor answered 502 with an HTML page{title}."
