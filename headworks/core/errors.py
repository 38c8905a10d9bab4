"""All errors of Headworks, in one tree, split by who has to act.

Always true: an error says what to answer (`status`, `type`, `code`, `param`, `retry_after`), whether another attempt
may help (`retry`), and whose fault it was (`blame`); so no other file decides by status code. Inner classes
(`CallError`, `Refused`, `Shed`, `Upstream`) are for catching, leaves are for raising. Errors become HTTP in
`server/problems.py` only; foreign exceptions become ours in `http/` and `ledger/` only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

import msgspec

Retry = Literal["here", "elsewhere", "never"]
"""here: the same target may be asked again. elsewhere: only another target may help. never: no target is asked again."""

Blame = Literal["caller", "ours", "vendor"]
About = Literal["target", "model", "unclear", "forbidden", "call"]
"""What a vendor's error is about. target: of the target, whoever met it. model: of the target's model, once an
ordinary call or another caller has met it too, for a call's own body may name a model. unclear: of the target only where an
ordinary call met it. forbidden: of the target once another caller has met it too, for any words may be the reason. call: of
this one call."""
Phase = Literal["connect", "first_token", "between_tokens", "answer", "total"]


def shortened(name: str) -> str:
    """A name that a caller made up, as a message repeats it."""
    return name if len(name) <= 128 else f"{name[:128]}..."


class HeadworksError(Exception):
    """The root of the tree: every error that Headworks raises on purpose."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong in a file: where (line and column count from 1; 0 is unknown), what, and the remedy."""

    problem: str
    remedy: str = ""
    path: str = ""
    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = self.file
        if self.line:
            place = f"{place}:{self.line}:{self.column}"
        parts = [part for part in (place, self.path) if part]
        said = f"{': '.join(parts)}: {self.problem}" if parts else self.problem
        return f"{said}\n    {self.remedy}" if self.remedy else said


class ConfigError(HeadworksError):
    """What is wrong with a configuration: all of it at once. Raised only while loading."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class EvalError(HeadworksError):
    """An evaluation cannot be run or continued. The text says why, and what to do."""


class VendorSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A vendor's own error, unchanged. The caller's SDK is shown it. raw: the body as it came, where it may be shown so to
    callers of the same API; b"" elsewhere."""

    status: int
    message: str = ""
    type: str | None = None
    code: str | None = None
    param: str | None = None
    request_id: str | None = None
    raw: bytes = b""


class PlanError(HeadworksError):
    """A plan cannot be made. The text says what is missing, and what to write or do."""


class CallError(HeadworksError):
    """What opening or reading a call may raise.

    `status`, `type` and `code` are OpenAI's words for it; a dialect translates. `said` is the vendor's own error where
    there was one. `target` and `phase` say where it happened, `retry_after` (seconds) when asking again may help. `about`
    says what it tells others of the target; it is looked at only where the vendor is to blame. The message is for callers:
    what they should not see (a vendor's address, a path of this machine) is in `place`, for logs.
    """

    place: str = ""

    status: int = 500
    type: ClassVar[str] = "api_error"
    code: str = "internal_error"
    retry: Retry = "never"
    blame: ClassVar[Blame] = "ours"
    about: About = "target"

    def __init__(
        self,
        message: str = "",
        *,
        target: str | None = None,
        phase: Phase | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        said: VendorSaid | None = None,
    ) -> None:
        super().__init__(message or self.code.replace("_", " "))
        self.target = target
        self.phase = phase
        self.param = param
        self.retry_after = retry_after
        self.said = said

    def at(self, place: str) -> Self:
        """Sets `place` and returns the same error. (An error that is kept in a variable for that would refer to its own frame, a cycle.)"""
        self.place = place
        return self

    def again(self) -> Self:
        """A copy to raise, where the error itself is kept. Otherwise its traceback would know the frames that it
        was raised through, and they whoever keeps it. That is a circle, and the call's body waits in it for the collector."""
        copied = type(self).__new__(type(self), *self.args)
        copied.__dict__.update(self.__dict__)
        return copied

    @property
    def message(self) -> str:
        return str(self.args[0])

    @property
    def shown_status(self) -> int:
        """The status that the caller sees: a vendor's own where it is for the caller, else ours."""
        return self.status


class Refused(CallError):
    """The caller's turn: the same call again would be refused again. Nothing was sent to a vendor."""

    status = 400
    type = "invalid_request_error"
    blame: ClassVar[Blame] = "caller"


class Unauthenticated(Refused):
    """No key, or an unknown one."""

    status = 401
    type = "authentication_error"
    code = "invalid_api_key"


class Forbidden(Refused):
    """A known caller who may not do this."""

    status = 403
    type = "permission_error"
    code = "forbidden"


class Malformed(Refused):
    """A body, header or field that cannot be understood."""

    code = "invalid_request"


class Unkept(Malformed):
    """A body that goes on from an earlier answer (`answer_id`), or refers to items of such (`item_ids`). A gateway that keeps answers takes it back."""

    answer_id = ""
    item_ids: Sequence[str] = ()

    @classmethod
    def naming(cls, answer_id: str, message: str, param: str, item_ids: Sequence[str] = ()) -> Unkept:
        made = cls(message, param=param)
        made.answer_id = answer_id
        made.item_ids = item_ids
        return made


class UnknownEarlier(Malformed):
    """A body goes on from an answer that is not there, or is another key's: the same words for both, OpenAI's."""

    code = "previous_response_not_found"

    @classmethod
    def named(cls, answer_id: str) -> UnknownEarlier:
        shown = shortened(answer_id)
        return cls(f"Previous response with id '{shown}' not found.", param="previous_response_id")


class UnknownItem(Refused):
    """A body refers to an item that is not there, or is another key's: the same words for both, OpenAI's."""

    status = 404
    code = "item_not_found"

    @classmethod
    def named(cls, item_id: str) -> UnknownItem:
        kept = "Items are not persisted when `store` is set to false. Send the item itself in `input`, as it came."
        return cls(f"Item with id '{shortened(item_id)}' not found. {kept}", param="input")


class UnknownAnswer(Refused):
    """An answer that is not there, or is another key's: the same words for both, OpenAI's."""

    status = 404
    code = "response_not_found"

    @classmethod
    def named(cls, answer_id: str) -> UnknownAnswer:
        return cls(f"Response with id '{shortened(answer_id)}' not found.", param="response_id")


class Unprocessable(Refused):
    """A body that is understood and does not fit: a variable of a prompt that is missing, or of another type."""

    status = 422
    code = "invalid_variables"


class UnknownModel(Refused):
    """An alias that is not there, or not for this caller: the same words for both, and no other alias is listed."""

    status = 404
    code = "model_not_found"

    @classmethod
    def named(cls, alias: str) -> UnknownModel:
        return cls(f"The model `{shortened(alias)}` does not exist or you do not have access to it.", param="model")


class UnknownPath(Refused):
    """A path or method that we do not serve."""

    status = 404
    code = "not_found"


class UnknownCoding(Refused):
    """A body in a content coding that is not decoded here."""

    status = 415
    code = "unsupported_content_encoding"


class Unable(Refused):
    """What the call asks for no target of the model can do. Known before anything is sent."""

    code = "unsupported_by_model"


class TooLarge(Refused):
    """More bytes than the operator allows."""

    status = 413
    code = "request_too_large"


class QuotaExceeded(Refused):
    """The caller's own limit is reached. is_final: the limit is too small for this call, so retrying never helps."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"

    def __init__(self, message: str = "", *, retry_after: float | None = None, is_final: bool = False) -> None:
        super().__init__(message, retry_after=retry_after)
        self.is_final = is_final


class InsufficientQuota(QuotaExceeded):
    """The caller's budget does not cover what the call may cost. Retrying does not help until the next window of the budget."""

    type = "insufficient_quota"
    code = "insufficient_quota"


class Shed(CallError):
    """Load shedding: refused to protect what is running. Retrying later may help."""

    status = 503
    type = "overloaded_error"
    code = "overloaded"


class Overloaded(Shed):
    """A limit of the gateway is reached: too many calls at once, or no free slot at a target."""

    retry: Retry = "elsewhere"


class AtLimit(Overloaded):
    """A configured limit of the target is reached. The target was not asked, and its circuit counts nothing.

    is_final: the limit is too small for this call, so waiting never helps.
    """

    def __init__(
        self, message: str = "", *, target: str | None = None, retry_after: float | None = None, is_final: bool = False
    ) -> None:
        super().__init__(message, target=target, retry_after=retry_after)
        self.is_final = is_final


class Crowded(Shed):
    """The buffer for answers that callers have not read yet is full. No other target helps.

    was_sent: the vendor had been asked by then.
    """

    def __init__(self, message: str = "", *, retry_after: float | None = None, was_sent: bool = False) -> None:
        super().__init__(message, retry_after=retry_after)
        self.was_sent = was_sent


class StateAway(Shed):
    """The shared state cannot be reached, and the call must not be served uncounted (fail closed)."""

    code = "state_unavailable"


class AnswersAway(Shed):
    """Kept answers cannot be read now."""

    code = "responses_unavailable"


class KeysAway(Shed):
    """An unknown key while the key store cannot be read: it may be valid, so this is no 401."""

    code = "keys_unavailable"


class Draining(Shed):
    """The gateway is shutting down and accepts no new calls."""

    code = "draining"


class CircuitOpen(Shed):
    """The target's circuit is open: it failed too often lately."""

    retry: Retry = "elsewhere"
    code = "circuit_open"


class Resting(Shed):
    """Every remaining target is inside its vendor's Retry-After, and the call cannot wait so long."""

    retry: Retry = "elsewhere"
    code = "upstream_resting"


class RestingAtLimit(Resting):
    """The same, where the vendor said 429: the caller gets 429 too."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"


class NoTarget(Shed):
    """Every target was tried or is not available. `causes` says why, in order."""

    status = 502
    type = "api_error"
    code = "upstream_unavailable"

    def __init__(
        self, message: str = "", *, causes: Sequence[CallError] = (), retry_after: float | None = None
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.causes = tuple(causes)


class Upstream(CallError):
    """A vendor gave no answer. If it sent an error of its own, its words and status are shown."""

    status = 502
    type = "api_error"
    code = "upstream_error"
    retry: Retry = "here"
    blame: ClassVar[Blame] = "vendor"

    @property
    def shown_status(self) -> int:
        return self.said.status if self.said is not None and 400 <= self.said.status <= 599 else self.status


class Unreachable(Upstream):
    """No connection, so nothing was sent: a retry cannot be billed twice."""

    code = "upstream_unreachable"


class Throttled(Upstream):
    """A vendor's limit: 429 that will pass, or a 413 that speaks of a rate."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"


class Failed(Upstream):
    """A vendor's 5xx, 408, 409, or a connection that broke before the head."""


class Rejected(Upstream):
    """A vendor says that the call itself is wrong (400, 413, 422, ...): the caller's fault, shown as it came."""

    status = 400
    type = "invalid_request_error"
    code = "invalid_request"
    retry: Retry = "never"
    blame: ClassVar[Blame] = "caller"


class TooLong(Rejected):
    """The question is longer than this model's context. A model whose window is larger may take it."""

    code = "context_length_exceeded"


class Filtered(Rejected):
    """A vendor's content policy refuses the question. It is passed on, unless the operator says to ask the next."""

    code = "content_filter"


class Unsuited(Rejected):
    """This target cannot take what the call asks for (a picture, a tool, a route of the caller's own). Another may."""

    status = 404
    code = "target_unsuited"
    retry: Retry = "elsewhere"


class Denied(Upstream):
    """A vendor refuses the gateway: its key, its credit, its model name. The caller can do nothing about it.

    `words` are those of the vendor's message, to be compared with the model's name and never shown: a part of our key
    may be among them.
    """

    code = "upstream_denied"
    retry: Retry = "elsewhere"
    words: frozenset[str] = frozenset()

    @property
    def shown_status(self) -> int:
        return self.status  # never the vendor's 401: the caller's own key is fine


class Garbled(Upstream):
    """A 200 that is no answer: empty, HTML, not JSON, or an end before any content."""

    code = "upstream_garbled"


class Unfit(Upstream):
    """A whole answer that does not match the requested schema, also after the second try."""

    code = "output_schema_mismatch"
    retry = "never"


class Cut(Upstream):
    """A stream that broke after its head: what was sent is not the whole answer."""

    code = "upstream_cut"
    retry: Retry = "never"


class Diverged(Cut):
    """A stream broke, and the next attempt's text differs from what was sent already."""

    code = "stream_diverged"


class Expired(CallError):
    """A deadline: `phase` says which."""

    status = 504
    type = "timeout_error"
    code = "timeout"
    retry: Retry = "here"
    blame: ClassVar[Blame] = "vendor"

    def __init__(self, message: str = "", *, phase: Phase, target: str | None = None) -> None:
        super().__init__(message or f"timed out: {phase.replace('_', ' ')}", target=target, phase=phase)
        if phase == "total" or phase == "between_tokens":  # no time is left for anybody: neither here nor elsewhere
            self.retry = "never"
