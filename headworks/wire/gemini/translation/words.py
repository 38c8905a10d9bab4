"""Finish reasons, token counts and likelihoods of Gemini's answers, to and from the hub's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from headworks.core import reply
from headworks.wire import hub
from headworks.wire.gemini.answer import UNSAID
from headworks.wire.gemini.usage import read_usage, written_usage
from headworks.wire.hub.values import GENERATE, only, own

_REASONS: Final[Mapping[str, hub.Reason]] = MappingProxyType(
    {
        "STOP": "stop",
        "MAX_TOKENS": "length",
        **dict.fromkeys(
            (
                *("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "MODEL_ARMOR"),
                *("IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "JAILBREAK"),
            ),
            "content_filter",
        ),
        "MALFORMED_FUNCTION_CALL": "malformed_call",
        "UNEXPECTED_TOOL_CALL": "malformed_call",
    }
)
"""google-genai's `FinishReason` and `BlockedReason`; what is not here is `other`: LANGUAGE, TOO_MANY_TOOL_CALLS, NO_IMAGE, ..."""

_WORDS: Final[Mapping[hub.Reason, str]] = MappingProxyType(
    {
        "stop": "STOP",
        "stop_sequence": "STOP",
        "length": "MAX_TOKENS",
        "context": "MAX_TOKENS",
        "tool_calls": "STOP",
        "content_filter": "SAFETY",
        "refusal": "SAFETY",
        "pause": "STOP",
        "malformed_call": "MALFORMED_FUNCTION_CALL",
        "other": "OTHER",
    }
)


def finish_of(word: Any, message: Any = None, *, has_calls: bool = False) -> hub.Finish | None:
    """Why a candidate ended; None where that is not said. has_calls: functions are called in it, for which Gemini has no word."""
    if not isinstance(word, str) or word in UNSAID:
        return None
    reason = _REASONS.get(word, "other")
    if reason == "stop" and has_calls:
        reason = "tool_calls"
    extra = only(GENERATE, {} if _WORDS[reason] == word else {"finishReason": word})
    return hub.Finish(reason=reason, detail=message if isinstance(message, str) else "", extra=extra)


def finish_word(finish: hub.Finish, /) -> str:
    word: str = own(finish.extra, GENERATE).get("finishReason") or _WORDS[finish.reason]
    return word


def usage_of(said: Any) -> hub.Usage | None:
    """What was used; None where nothing is said of it."""
    if not isinstance(said, dict) or not said:
        return None
    return hub.Usage(tokens=read_usage(said).usage() or reply.Usage(), extra={GENERATE: said})


def written(usage: hub.Usage) -> dict[str, Any]:
    return dict(own(usage.extra, GENERATE)) or written_usage(usage.tokens)


# Likelihoods

_LISTS: Final = ("chosenCandidates", "topCandidates")


def likely_of(said: Any) -> tuple[hub.Likely, ...] | None:
    """The tokens of a `logprobsResult`; None where it is none."""
    chosen = said.get("chosenCandidates") if isinstance(said, dict) else None
    if not isinstance(chosen, list) or not all(isinstance(one, dict) for one in chosen):
        return None
    top = said.get("topCandidates")
    beside = [_candidates(one) for one in top] if isinstance(top, list) else []
    beside += [()] * (len(chosen) - len(beside))
    return tuple([_likely(one, others) for one, others in zip(chosen, beside, strict=False)])


def taken_likely(candidate: dict[str, Any]) -> tuple[hub.Likely, ...] | None:
    """The tokens of a candidate's `logprobsResult`, taken out; what else it says stays."""
    likely = likely_of(candidate.get("logprobsResult"))
    if likely is not None:
        result = candidate.pop("logprobsResult")
        if rest := {name: value for name, value in result.items() if name not in _LISTS}:
            candidate["logprobsResult"] = rest
    return likely


def _candidates(said: Any) -> tuple[hub.Likely, ...]:
    listed = said.get("candidates") if isinstance(said, dict) else None
    return tuple([_likely(one) for one in listed if isinstance(one, dict)]) if isinstance(listed, list) else ()


def _likely(said: dict[str, Any], others: tuple[hub.Likely, ...] = ()) -> hub.Likely:
    rest = {name: value for name, value in said.items() if name not in ("token", "logProbability")}
    logprob = said.get("logProbability")
    return hub.Likely(
        token=str(said.get("token") or ""),
        logprob=float(logprob) if isinstance(logprob, (int, float)) else None,
        others=others,
        extra=only(GENERATE, rest),
    )


def written_likely(tokens: Sequence[hub.Likely]) -> dict[str, Any]:
    chosen = [_written(one) for one in tokens]
    if not any(one.others for one in tokens):
        return {"chosenCandidates": chosen}
    top = [{"candidates": [_written(other) for other in one.others]} for one in tokens]
    return {"topCandidates": top, "chosenCandidates": chosen}


def _written(one: hub.Likely) -> dict[str, Any]:
    said: dict[str, Any] = {"token": one.token}
    if one.logprob is not None:
        said["logProbability"] = one.logprob
    return {**said, **own(one.extra, GENERATE)}
