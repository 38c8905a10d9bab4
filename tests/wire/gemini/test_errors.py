"""Errors in Google's shape, both ways."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core.errors import (
    CallError,
    Cut,
    Denied,
    Expired,
    Failed,
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
    VendorSaid,
)
from headworks.server.problems import EdgeRefusal, WrongMethod
from headworks.wire.gemini.errors import error_in, event, problem, reason_in, status, vendor_error
from tests.wire.gemini.corpus import RECORDED, body


def error(code: int, message: str, word: str, *details: Any) -> bytes:
    return body({"error": {"code": code, "message": message, "status": word, "details": list(details)}})


def info(reason: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}


@pytest.mark.parametrize(
    ("code", "said", "kind", "retry"),
    [
        (400, RECORDED["api_key.json"], Denied, "elsewhere"),
        (400, error(400, "API key expired. Please renew the API key.", "INVALID_ARGUMENT"), Denied, "elsewhere"),
        (400, error(400, "Whatever it says.", "INVALID_ARGUMENT", info("API_KEY_INVALID")), Denied, "elsewhere"),
        (
            400,
            error(400, "User location is not supported for the API use.", "FAILED_PRECONDITION"),
            Denied,
            "elsewhere",
        ),
        (
            403,
            error(403, "Gemini API has not been used.", "PERMISSION_DENIED", info("SERVICE_DISABLED")),
            Denied,
            "elsewhere",
        ),
        (404, RECORDED["unknown_model.json"], Denied, "elsewhere"),
        (
            400,
            error(400, "* GenerateContentRequest.contents: contents is not specified", "INVALID_ARGUMENT"),
            Rejected,
            "never",
        ),
        (
            400,
            error(
                400,
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
                "INVALID_ARGUMENT",
            ),
            TooLong,
            "never",
        ),
        (429, RECORDED["quota.json"], Throttled, "here"),
        (499, error(499, "The operation was cancelled.", "CANCELLED"), Failed, "here"),
        (500, error(500, "An internal error has occurred.", "INTERNAL"), Failed, "here"),
        (503, error(503, "The model is overloaded. Please try again later.", "UNAVAILABLE"), Failed, "here"),
        (504, error(504, "Deadline expired.", "DEADLINE_EXCEEDED"), Failed, "here"),
        (404, b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>", Denied, "elsewhere"),
    ],
)
def test_what_a_vendors_error_means(code: int, said: bytes, kind: type[CallError], retry: str) -> None:
    found = vendor_error(code, (), said, 0.0)
    assert type(found) is kind
    assert found.retry == retry


def test_how_long_to_wait_is_among_the_details() -> None:
    assert vendor_error(429, (), RECORDED["quota.json"], 0.0).retry_after == pytest.approx(34.07, abs=0.01)


def test_a_refusal_of_ours_keeps_the_words_that_may_name_the_model() -> None:
    found = vendor_error(400, (), error(400, "no m-1 for you", "X", info("API_KEY_INVALID")), 0.0)
    assert isinstance(found, Denied)
    assert "m-1" in found.words
    assert "API_KEY_INVALID" in found.message


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{}",
        b"[]",
        b'{"error": 5}',
        b'{"error": {"details": 5}}',
        b'{"error": {"details": ["x", {"reason": 5}, {"reason": "lower"}]}}',
    ],
)
def test_without_a_reason_there_is_none(said: bytes) -> None:
    assert reason_in(said) == ""


def test_an_error_in_a_stream_that_began_is_a_cut() -> None:
    content = json.loads(RECORDED["api_key.json"])
    assert isinstance(error_in(content, is_headed=True), Cut)
    assert isinstance(error_in([content], is_headed=False), Denied)


# To callers


@pytest.mark.parametrize(
    ("error", "code", "word"),
    [
        (Malformed("x", param="contents"), 400, "INVALID_ARGUMENT"),
        (Unauthenticated("x"), 401, "UNAUTHENTICATED"),
        (UnknownModel.named("m"), 404, "NOT_FOUND"),
        (WrongMethod("x", "POST"), 405, "UNIMPLEMENTED"),
        (TooLarge("x"), 413, "INVALID_ARGUMENT"),
        (EdgeRefusal(418, "x"), 418, "INVALID_ARGUMENT"),
        (EdgeRefusal(505, "x"), 505, "INTERNAL"),
        (QuotaExceeded("x", retry_after=1.5), 429, "RESOURCE_EXHAUSTED"),
        (InsufficientQuota("x"), 429, "RESOURCE_EXHAUSTED"),
        (Overloaded("x"), 503, "UNAVAILABLE"),
        (NoTarget("x"), 502, "UNAVAILABLE"),
        (Expired(phase="total"), 504, "DEADLINE_EXCEEDED"),
        (Cut("x"), 502, "UNAVAILABLE"),
        (CallError("x"), 500, "INTERNAL"),
        (
            Rejected("x", said=VendorSaid(status=400, message="said", type="invalid_request_error")),
            400,
            "INVALID_ARGUMENT",
        ),
        (
            Rejected("x", said=VendorSaid(status=400, message="said", type="FAILED_PRECONDITION")),
            400,
            "FAILED_PRECONDITION",
        ),
    ],
)
def test_an_error_has_the_code_and_the_word_by_which_the_sdk_tells_it(error: CallError, code: int, word: str) -> None:
    shown = json.loads(problem(error))["error"]
    assert (shown["code"], shown["status"], status(error)) == (code, word, code)
    assert shown["message"]


def details(error: CallError) -> Any:
    return json.loads(problem(error, "r1"))["error"].get("details")


def test_the_details_have_the_wait_the_field_and_the_reason() -> None:
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}
    assert details(QuotaExceeded("x", retry_after=1.5)) == [retry]
    assert details(QuotaExceeded("x", retry_after=60.0))[0]["retryDelay"] == "60s"
    [field] = details(Malformed("is wrong", param="contents"))
    assert field["fieldViolations"] == [{"field": "contents", "description": "is wrong"}]
    assert [details(InsufficientQuota("x", retry_after=600))[1]["retryDelay"], details(Throttled("x"))] == [
        "600s",
        None,
    ]
    assert details(Overloaded("x")) is None


def test_a_budget_that_never_has_room_says_to_wait_for_a_day_so_that_gemini_cli_stops() -> None:
    """It asks ten times, over minutes, where a 429 says no time; it stops where that is above 300 s."""
    spent, wait = details(InsufficientQuota("x"))
    assert (spent["reason"], spent["domain"]) == ("INSUFFICIENT_QUOTA", "headworks")
    assert wait == {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "86400s"}


def test_a_vendors_own_words_are_shown_with_its_reason_and_its_wait() -> None:
    shown = json.loads(problem(vendor_error(429, (), RECORDED["quota.json"], 0.0)))["error"]
    assert shown["message"].startswith("You exceeded your current quota")
    assert shown["status"] == "RESOURCE_EXHAUSTED"
    assert shown["details"] == [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.075s"}]
    limited = vendor_error(429, (), error(429, "x", "RESOURCE_EXHAUSTED", info("RATE_LIMIT_EXCEEDED")), 0.0)
    assert details(limited) == [info("RATE_LIMIT_EXCEEDED")]


def test_what_a_vendor_says_to_us_is_not_shown() -> None:
    shown = json.loads(problem(vendor_error(400, (), RECORDED["api_key.json"], 0.0)))["error"]
    assert (shown["code"], shown["status"]) == (502, "UNAVAILABLE")
    assert "API key" not in json.dumps(shown)
    garbled = Garbled("ours", said=VendorSaid(status=200, message="theirs"))
    assert json.loads(problem(garbled))["error"]["message"] == "ours"


def test_a_broken_stream_ends_with_the_error_alone_on_its_line() -> None:
    ending = event(Cut("it broke"))
    assert ending.startswith(b'{"error":')
    assert ending.endswith(b"}\n")
    assert ending.count(b"\n") == 1
