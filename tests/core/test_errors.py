"""Every error says what to answer, whether to try again, and whose fault it was."""

import inspect
from typing import get_args

import pytest

from headworks.core import errors
from headworks.core.errors import (
    Blame,
    CallError,
    ConfigError,
    Cut,
    Denied,
    Expired,
    Failed,
    Garbled,
    HeadworksError,
    NoTarget,
    Phase,
    Problem,
    Refused,
    Rejected,
    Retry,
    Shed,
    Throttled,
    UnknownModel,
    Unreachable,
    Upstream,
    VendorSaid,
)

CALL_ERRORS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, CallError) and kind.__module__ == errors.__name__
]


def made(kind: type[CallError]) -> CallError:
    return Expired(phase="total") if kind is Expired else kind()


@pytest.mark.parametrize("kind", CALL_ERRORS)
def test_every_error_is_a_word_of_each_closed_set_and_has_a_message(kind: type[CallError]) -> None:
    error = made(kind)
    assert error.retry in get_args(Retry)
    assert error.blame in get_args(Blame)
    assert 400 <= error.status <= 599
    assert error.message == str(error) != ""
    assert error.code
    assert error.type
    assert isinstance(error, HeadworksError)


@pytest.mark.parametrize("kind", [kind for kind in CALL_ERRORS if issubclass(kind, Refused)])
def test_what_the_caller_did_wrong_is_a_4xx_and_tried_nowhere_else(kind: type[CallError]) -> None:
    assert 400 <= made(kind).status < 500
    assert (kind.blame, kind.retry) == ("caller", "never")


@pytest.mark.parametrize("kind", [kind for kind in CALL_ERRORS if not issubclass(kind, Refused)])
def test_what_the_caller_did_not_do_is_not_shown_as_his_fault(kind: type[CallError]) -> None:
    assert issubclass(kind, Rejected) or (made(kind).status == 429 or made(kind).status >= 500)
    assert issubclass(kind, Rejected) or kind.blame != "caller"


@pytest.mark.parametrize(
    ("error", "retry"),
    [
        (Unreachable(), "here"),
        (Throttled(), "here"),
        (Failed(), "here"),
        (Garbled(), "here"),
        (Denied(), "elsewhere"),
        (Rejected(), "never"),
        (Cut(), "never"),
        (Expired(phase="connect"), "here"),
        (Expired(phase="first_token"), "here"),
        (Expired(phase="answer"), "here"),
        (Expired(phase="between_tokens"), "never"),
        (Expired(phase="total"), "never"),
    ],
)
def test_who_may_be_asked_again(error: CallError, retry: Retry) -> None:
    assert error.retry == retry


def test_one_expired_does_not_change_the_others() -> None:
    Expired(phase="total")
    assert Expired(phase="connect").retry == "here"


@pytest.mark.parametrize("phase", get_args(Phase))
def test_an_expired_names_its_phase_in_words(phase: Phase) -> None:
    error = Expired(phase=phase, target="a/b")
    assert error.message == f"timed out: {phase.replace('_', ' ')}"
    assert (error.phase, error.target) == (phase, "a/b")


def test_a_vendors_status_is_shown_where_it_is_an_error() -> None:
    assert Failed(said=VendorSaid(status=503)).shown_status == 503
    assert Garbled(said=VendorSaid(status=200)).shown_status == 502
    assert Failed().shown_status == 502
    assert Rejected(said=VendorSaid(status=422)).shown_status == 422


def test_a_vendor_that_refuses_us_is_never_shown_as_the_callers_401() -> None:
    assert Denied(said=VendorSaid(status=401)).shown_status == 502


def test_when_nothing_is_left_the_causes_are_told_in_order() -> None:
    causes = [Failed("a"), Throttled("b")]
    error = NoTarget("nobody", causes=causes, retry_after=2.0)
    assert list(error.causes) == causes
    assert (error.status, error.retry_after, error.message) == (502, 2.0, "nobody")
    assert isinstance(error, Shed)
    assert not isinstance(error, Upstream)


def test_an_unknown_model_is_named_but_not_at_any_length() -> None:
    assert "`nope`" in UnknownModel.named("nope").message
    error = UnknownModel.named("x" * 100_000)
    assert len(error.message) < 300
    assert error.param == "model"


def test_a_config_error_says_all_problems_each_with_its_place_and_remedy() -> None:
    problems = [
        Problem(problem="unknown key", remedy="did you mean `models`?", path="modles", file="a.yaml", line=3, column=1),
        Problem(problem="is missing", path="providers", file="a.yaml"),
        Problem(problem="is empty"),
    ]
    error = ConfigError(problems)
    assert error.problems == tuple(problems)
    assert str(error) == (
        "a.yaml:3:1: modles: unknown key\n    did you mean `models`?\na.yaml: providers: is missing\nis empty"
    )
