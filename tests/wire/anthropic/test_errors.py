"""Anthropic's error shape, both ways."""

from __future__ import annotations

import json

import pytest

from headworks.core.errors import (
    CallError,
    Denied,
    Draining,
    Expired,
    Failed,
    Filtered,
    Forbidden,
    Garbled,
    InsufficientQuota,
    Malformed,
    NoTarget,
    Overloaded,
    QuotaExceeded,
    Rejected,
    Throttled,
    TooLarge,
    TooLong,
    Unauthenticated,
    UnknownModel,
    UnknownPath,
    VendorSaid,
)
from headworks.wire.anthropic.errors import event, problem, status_of, vendor_error
from headworks.wire.translated import spoken


def body(kind: str, message: str) -> bytes:
    said = {"type": "error", "error": {"type": kind, "message": message, "details": None}, "request_id": "req_v"}
    return json.dumps(said).encode()


@pytest.mark.parametrize(
    ("status", "kind", "message", "meant"),
    [
        (400, "invalid_request_error", "messages: at least one message is required", Rejected),
        (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", TooLong),
        (400, "invalid_request_error", "Output blocked by content filtering policy", Filtered),
        (400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.", Denied),
        (401, "authentication_error", "invalid x-api-key", Denied),
        (402, "billing_error", "There is an issue with billing", Denied),
        (403, "permission_error", "Your API key does not have permission", Denied),
        (404, "not_found_error", "model: claude-9", Denied),
        (413, "request_too_large", "Request exceeds the maximum size", Rejected),
        (429, "rate_limit_error", "This request would exceed your rate limit", Throttled),
        (500, "api_error", "Internal server error", Failed),
        (529, "overloaded_error", "Overloaded", Failed),
    ],
)
def test_a_vendors_error_means_what_it_means_and_is_shown_as_it_came(
    status: int, kind: str, message: str, meant: type[CallError]
) -> None:
    said = body(kind, message)
    error = vendor_error(status, [(b"request-id", b"req_v"), (b"retry-after", b"7")], said, 0.0)
    assert type(error) is meant
    assert error.said is not None
    assert error.said.request_id == "req_v"
    if isinstance(error, Denied):
        assert message.encode() not in problem(error, "req_1")
        assert json.loads(problem(error, "req_1"))["error"]["type"] == "api_error"
    else:
        assert problem(error, "req_1") == said
    if status in (429, 529):
        assert error.retry_after == 7


def test_what_is_not_of_this_apis_shape_is_told_in_it() -> None:
    error = vendor_error(500, [], b"<html><title>Bad gateway</title>", 0.0)
    told = json.loads(problem(error, "req_1"))
    assert (told["type"], told["error"]["type"], told["request_id"]) == ("error", "api_error", "req_1")
    assert "Bad gateway" in told["error"]["message"]
    long = vendor_error(400, [], body("invalid_request_error", "x" * 20_000), 0.0)
    assert len(problem(long)) < 3000


def test_another_apis_callers_see_no_bytes_of_this_one() -> None:
    error = spoken(vendor_error(400, [], body("invalid_request_error", "no"), 0.0))
    assert error.said is not None
    assert (error.said.raw, error.said.message) == (b"", "no")


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (Malformed("x"), 400, "invalid_request_error"),
        (Unauthenticated("x"), 401, "authentication_error"),
        (InsufficientQuota("x"), 402, "billing_error"),
        (Forbidden("x"), 403, "permission_error"),
        (UnknownModel("x"), 404, "not_found_error"),
        (UnknownPath("x"), 404, "not_found_error"),
        (TooLarge("x"), 413, "request_too_large"),
        (QuotaExceeded("x"), 429, "rate_limit_error"),
        (Overloaded("x"), 529, "overloaded_error"),
        (Draining("x"), 529, "overloaded_error"),
        (NoTarget("x"), 502, "api_error"),
        (Garbled("x", said=VendorSaid(status=200, message="half an answer")), 502, "api_error"),
        (Expired("x", phase="total"), 504, "timeout_error"),
        (CallError("x"), 500, "api_error"),
        (Failed("x", said=VendorSaid(status=503, message="x", type="server_error")), 503, "api_error"),
    ],
)
def test_each_of_our_errors_has_the_status_and_type_that_sdks_know(error: CallError, status: int, kind: str) -> None:
    assert status_of(error) == status
    told = json.loads(problem(error, "req_1"))
    assert told == {"type": "error", "error": {"type": kind, "message": "x"}, "request_id": "req_1"}
    assert json.loads(problem(error))["request_id"] is None


def test_a_question_that_was_too_long_for_another_vendor_is_told_in_the_words_that_clients_look_for() -> None:
    error = TooLong("x", said=VendorSaid(status=400, message="This model's maximum context length is 8192 tokens."))
    assert json.loads(problem(error))["error"]["message"].startswith("prompt is too long: This model's")


def test_the_event_that_ends_a_broken_stream_is_one_line() -> None:
    error = Failed("x", said=VendorSaid(status=500, type="api_error", raw=b'{"type":\n"error"}'))
    assert event(error) == b'event: error\ndata: {"type": "error"}\n\n'
