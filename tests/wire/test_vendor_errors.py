"""Every form in which a vendor says what went wrong is understood, in that vendor's shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core.dialect import Headers
from headworks.core.errors import CallError, Cut, Denied, Failed, Filtered, Rejected, Throttled, TooLong, Unsuited
from headworks.wire.error_meaning import meaning_of
from headworks.wire.openai.errors import error_in, said_in, vendor_error
from headworks.wire.vendor_errors import VENDORS, Form, Shape, Vendor

WALL = 1_795_435_200.0

KINDS: dict[str, tuple[type[CallError], ...]] = {
    "filtered": (Filtered,),
    "too_long": (TooLong,),
    "no_credit": (Denied,),
    "bad_key": (Denied,),
    "unknown_model": (Denied,),
    "unsuited": (Unsuited, Denied),
    "overloaded": (Failed, Throttled),
    "rate_limited": (Throttled,),
}
FORMS = [
    pytest.param(vendor, form, id=f"{vendor.name}: {form.meaning} {form.status} {form.code or form.type}")
    for vendor in VENDORS
    for form in vendor.forms
]


def body_of(form: Form, shape: Shape) -> bytes:
    """What this vendor would send, with something in place of each `...`."""
    words = form.words.replace("...", "something-1") or "Some other words."
    kind: dict[str, Any] = {"type": form.type} if form.type else {}
    code: dict[str, Any] = {"code": int(form.code) if form.code.isdecimal() else form.code} if form.code else {}
    made: Any = None
    match shape:
        case "error":
            made = {"error": {"message": words, **kind, **code}, "request_id": "r"}
        case "list":
            made = [{"error": {"code": form.status, "message": words, "status": form.type}}]
        case "flat":
            made = {"code": "A sentence that says little", "error": words}
        case "bare":
            made = {"object": "error", "message": words, "param": None, **kind, **code}
        case "text":
            made = {"error": words, "error_type": form.type or "validation"}
        case "errors":
            made = {"errors": [{"message": words, **code}], "success": False, "result": {}, "messages": []}
        case "base_resp":
            made = {"base_resp": {"status_code": int(form.code), "status_msg": words}}
    return json.dumps(made).encode()


def error_of(form: Form, shape: Shape) -> CallError:
    body = body_of(form, shape)
    if form.status == 200:
        return error_in(json.loads(body), is_headed=False)
    return vendor_error(form.status, (), body, WALL)


@pytest.mark.parametrize(("vendor", "form"), FORMS)
def test_every_form_of_every_vendor_is_understood(vendor: Vendor, form: Form) -> None:
    error = error_of(form, vendor.shape)
    assert type(error) in KINDS[form.meaning]
    assert error.said is not None
    if form.words and not isinstance(error, Denied):
        assert form.words.partition("...")[0] in error.said.message
    if form.meaning in ("no_credit", "bad_key"):
        assert error.about == "target"
    if form.meaning == "unsuited":
        assert error.blame == "caller" or error.about == "call"


def test_every_vendor_names_its_source_and_stands_once() -> None:
    assert all(vendor.source for vendor in VENDORS)
    assert len({vendor.name for vendor in VENDORS}) == len(VENDORS)
    assert len({(vendor.name, form) for vendor in VENDORS for form in vendor.forms}) == sum(
        len(one.forms) for one in VENDORS
    )


def test_a_name_that_counts_alone_means_one_thing_for_all_vendors() -> None:
    """Else the last row would win, silently."""
    found: dict[str, set[str]] = {}
    for vendor in VENDORS:
        for form in vendor.forms:
            for name in filter(None, (form.type, form.code)):
                said = said_in(418, json.dumps({"error": {"message": "m", "code": name}}).encode())
                if meaning_of(said, 418) is not None:
                    found.setdefault(name.lower(), set()).add(form.meaning)
    assert {name: meanings for name, meanings in found.items() if len(meanings) > 1} == {}


# A refusal of content


XAI = b"""{"code":"The caller does not have permission to execute the specified operation","error":"Content violates usage guidelines. Team: t, API key ID: k, Model: grok-4, Failed check: SAFETY_CHECK_TYPE_BIO"}"""


def test_a_refusal_of_content_is_one_however_the_vendor_says_it() -> None:
    error = vendor_error(403, (), XAI, WALL)
    assert type(error) is Filtered
    assert error.blame == "caller"
    assert error.shown_status == 403
    assert "SAFETY_CHECK_TYPE_BIO" in error.message


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (403, "Your prompt was flagged by our safety system.", Filtered),
        (451, "The request holds sensitive content.", Filtered),
        (403, "Your account was blocked: it violates our usage policy.", Denied),
        (403, "Country, region, or territory not supported", Denied),
        (400, "Invalid value: 'this content was flagged'", Rejected),
    ],
)
def test_words_alone_tell_a_refusal_of_content_where_they_speak_of_the_content(
    status: int, message: str, kind: type[CallError]
) -> None:
    assert type(vendor_error(status, (), json.dumps({"error": {"message": message}}).encode(), WALL)) is kind


@pytest.mark.parametrize(
    "content",
    [
        {"error": {"message": "m", "type": "content_filter"}},
        {"error": {"message": "m", "code": "data_inspection_failed"}},
        {"error": {"message": "too long", "code": "context_length_exceeded"}},
        {"error": {"message": "bad", "code": 400}},
    ],
)
def test_what_a_stream_blames_on_the_call_after_its_head_tells_nothing_of_the_target(content: object) -> None:
    cut = error_in(content, is_headed=True)
    assert type(cut) is Cut
    assert cut.about == "call"
    assert error_in({"error": {"message": "boom", "code": 500}}, is_headed=True).about == "target"
    assert error_in({"error": {"message": "boom"}}, is_headed=True).about == "target"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        ({"error": {"code": 404, "message": "No endpoints found that support image input"}}, Unsuited, 404),
        ({"error": {"code": 404, "message": "The model `m` does not exist"}}, Denied, 404),
        ({"error": {"code": 403, "message": "Content violates usage guidelines"}}, Filtered, 403),
        ({"error": {"message": "m", "code": "data_inspection_failed"}}, Filtered, 400),
        ({"error": {"message": "m", "type": "engine_overloaded_error"}}, Failed, 503),
        ({"error": {"message": "m", "code": "rate_limit_exceeded"}}, Throttled, 429),
    ],
)
def test_an_error_inside_a_success_means_what_it_means_with_a_status_of_its_own(
    content: object, kind: type[CallError], status: int
) -> None:
    error = error_in(content, is_headed=False)
    assert type(error) is kind
    assert error.said is not None
    assert error.said.status == status


# Limits, and who is too large for them


def limited(status: int, message: str, headers: Headers = ()) -> CallError:
    body = json.dumps({"error": {"message": message, "type": "tokens", "code": "rate_limit_exceeded"}}).encode()
    return vendor_error(status, headers, body, WALL)


GROQ = "Request too large for model `m` in organization `o` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Requested 12328, please reduce your message size"


@pytest.mark.parametrize(
    ("status", "message", "about", "retry"),
    [
        (413, GROQ, "call", "elsewhere"),
        (
            429,
            "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 342389.",
            "call",
            "elsewhere",
        ),
        (429, "Rate limit reached on TPM: Limit 30,000, Requested 30,001.", "call", "elsewhere"),
        (
            429,
            "Rate limit reached on TPM: Limit 6000, Used 3513, Requested 3166. Please try again in 6.78s",
            "call",
            "here",
        ),
        (
            429,
            "Rate limit reached on TPM: Limit 6000, Used 5990, Requested 316. Please try again in 6.78s",
            "target",
            "here",
        ),
        (429, "Rate limit reached for requests", "target", "here"),
        (429, "Limit ,, Requested ,", "target", "here"),
    ],
)
def test_a_limit_that_one_body_is_too_large_for_tells_nothing_of_the_target(
    status: int, message: str, about: str, retry: str
) -> None:
    error = limited(status, message)
    assert type(error) is Throttled
    assert (error.about, error.retry, error.shown_status) == (about, retry, status)


@pytest.mark.parametrize("message", ["413 Request Entity Too Large", "Request exceeds the maximum size"])
def test_a_413_is_the_callers_fault_unless_it_speaks_of_a_rate(message: str) -> None:
    assert type(vendor_error(413, (), message.encode(), WALL)) is Rejected
    assert type(vendor_error(413, (), b"too many tokens per minute", WALL)) is Throttled


def test_a_tier_of_service_that_the_call_chose_tells_nothing_of_the_target() -> None:
    error = vendor_error(498, (), b'{"error":{"message":"Flex tier is at capacity","code":"capacity_exceeded"}}', WALL)
    assert type(error) is Failed
    assert error.about == "call"


# Whom a refusal of us is about


@pytest.mark.parametrize(
    ("status", "message", "about"),
    [
        (401, "Incorrect API key provided: sk-1", "target"),
        (402, "Insufficient credits", "target"),
        (402, "This request requires more credits, or fewer max_tokens. You requested up to 65536 tokens", "call"),
        (404, "The model `m` does not exist", "model"),
        (400, "The model `m` does not exist", "model"),
        (404, "No such File object: file-1", "unclear"),
        (404, "", "unclear"),
        (403, "You are not allowed to request logprobs from this model", "forbidden"),
        (405, "Method Not Allowed", "unclear"),
        (410, "gone", "target"),
    ],
)
def test_whom_a_refusal_of_us_is_about(status: int, message: str, about: str) -> None:
    error = vendor_error(status, (), json.dumps({"error": {"message": message}}).encode(), WALL)
    assert type(error) is Denied
    assert error.about == about


@pytest.mark.parametrize(
    "message",
    [
        "No endpoints found that support image input",
        "No endpoints found that support tool use. To learn more about provider routing, visit: https://o",
        "No allowed providers are available for the selected model.",
        "This model does not support image input.",
    ],
)
def test_a_target_that_cannot_take_what_the_call_asks_for_is_not_at_fault(message: str) -> None:
    error = vendor_error(404, (), json.dumps({"error": {"message": message, "code": 404}}).encode(), WALL)
    assert type(error) is Unsuited
    assert (error.blame, error.retry, error.shown_status) == ("caller", "elsewhere", 404)
    assert error.message == message


def test_the_words_of_a_refusal_are_kept_for_comparing_and_never_shown() -> None:
    error = vendor_error(404, (), b'{"error":{"message":"The model `gpt-5-mini-2025-08-07` does not exist"}}', WALL)
    assert isinstance(error, Denied)
    assert "gpt-5-mini-2025-08-07" in error.words
    assert "2025" not in f"{error} {error.said}"


# Words, wherever they stand


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"errors": [{"message": "No such model", "code": 5007}], "success": False}, "No such model"),
        ({"errors": ["one", "two"]}, "one; two"),
        ({"errors": [{"message": "one", "code": 1}, {"message": "two"}]}, "one; two"),
        ({"errors": {"n": ["too large"]}}, '{"n":["too large"]}'),
        ({"base_resp": {"status_code": 2013, "status_msg": "invalid params"}}, "invalid params"),
        ({"error": {"message": {"detail": [{"loc": ["body", "n"], "msg": "not permitted"}]}}}, "body.n: not permitted"),
        ({"detail": {"error": {"message": "deep"}}}, "deep"),
        ({"detail": ["one", "two"]}, "one; two"),
        ({"fault": {"faultstring": "Quota violation"}}, "Quota violation"),
        ({"Message": "aws"}, "aws"),
        ({"code": 500, "msg": "404 NOT_FOUND", "success": False}, "404 NOT_FOUND"),
        ({"error": {"msg": "bad"}}, "bad"),
        ({"message": '{"error":{"message":"within a text"}}'}, "within a text"),
        ({"message": "{no json"}, "{no json"),
        ({"message": "[]"}, "[]"),
        (
            {"error": {"message": "Provider returned error", "metadata": {"raw": '{"error":{"message":"boom"}}'}}},
            "Provider returned error boom",
        ),
        ({"error": {"message": "m", "metadata": {"raw": None}}}, "m"),
        ({"error": {"message": {"a": {"b": {"c": {"d": {"e": 1}}}}}}}, '{"a":{"b":{"c":{"d":{"e":1}}}}}'),
        ({"error": {"message": {"error": {"error": {"error": {"error": "deep"}}}}}}, None),
        ({"error": 7}, "7"),
        ({"error": {"code": 7}}, "The vendor answered 400 without a message."),
        ({"error": {"message": 7}}, "7"),
        ({"detail": [1, 2]}, "[1,2]"),
    ],
)
def test_a_vendors_words_are_kept_wherever_they_stand(content: object, message: str | None) -> None:
    said = said_in(400, json.dumps(content).encode())
    assert said.message == message or message is None
    assert said.message
