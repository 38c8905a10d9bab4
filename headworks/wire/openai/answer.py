"""An answer in OpenAI's dialect, whole or a piece of a stream: the few fields that are looked at.

An event costs one decode into these. What says nothing is no value: an empty text, null, a list or object with nothing
in it, a finish reason that is empty or the word "null". Everything else in a `delta` is content, whatever it is called,
for a vendor that thinks aloud is talking. So a delta with a member that is not known here, and any known field of another
type (text as a list of parts, a float for a count), is read again without types: an answer that is good for the caller
must not fail for a field that only we look at. Half of a surrogate pair, which JSON's grammar allows and the fast decoder
does not, is read by the slow one.
"""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

import msgspec

from headworks.wire.openai.usage import UsageSaid, read_usage

UNSAID: Final = frozenset({"", "null", "none", "None"})
"""Finish reasons that give none: servers send them with every chunk that is not the last."""


class Message(msgspec.Struct):
    """What a choice of a whole answer says."""

    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None  # DeepSeek, vLLM, llama.cpp
    reasoning: str | None = None  # OpenRouter, Groq
    tool_calls: list[msgspec.Raw] | None = None
    function_call: dict[str, msgspec.Raw] | None = None
    images: list[msgspec.Raw] | None = None  # OpenRouter
    audio: dict[str, msgspec.Raw] | None = None


class Delta(Message, forbid_unknown_fields=True):
    """What an event adds to a choice. is_other: a member that stands nowhere here says something."""

    role: str | None = None
    reasoning_details: list[msgspec.Raw] | None = None  # OpenRouter, MiniMax
    annotations: list[msgspec.Raw] | None = None
    is_other: bool = False


class Choice(msgspec.Struct):
    index: int | None = None
    delta: Delta | None = None
    message: Message | None = None
    finish_reason: str | None = None
    usage: UsageSaid | None = None  # Moonshot's place for it in streams
    error: Any = None  # OpenRouter
    text: str | None = None  # of a legacy completion


class Groq(msgspec.Struct):
    """`x_groq`: where Groq's streams have their tokens, and why one was ended early."""

    usage: UsageSaid | None = None
    error: Any = None


class BaseResp(msgspec.Struct):
    """`base_resp`: MiniMax's word for how it went, with every answer. 0 is well."""

    status_code: int | None = None
    status_msg: str | None = None


class Completion(msgspec.Struct):
    """An answer or a piece of one."""

    choices: list[Choice] | None = None
    usage: UsageSaid | None = None
    error: Any = None  # an object, or a string; some vendors send an empty one with every answer
    x_groq: Groq | None = None
    base_resp: BaseResp | None = None

    def said(self) -> UsageSaid | None:
        """The tokens, wherever they stand."""
        if self.usage is not None:
            return self.usage
        if self.x_groq is not None and self.x_groq.usage is not None:
            return self.x_groq.usage
        return next((one.usage for one in self.choices or () if one.usage is not None), None)


_COMPLETION = msgspec.json.Decoder(Completion)
_ANY = msgspec.json.Decoder()


def decoded(data: bytes) -> Completion:
    """Raises ValueError where the bytes are no JSON object, RecursionError where they are nested too deep."""
    try:
        return _COMPLETION.decode(data)
    except msgspec.DecodeError:
        return _lenient(untyped(data))


def untyped(data: bytes) -> Any:
    """The JSON value, for the rare answers that are looked at more closely. Raises ValueError or RecursionError."""
    try:
        return _ANY.decode(data)
    except msgspec.DecodeError:
        if b"\\ud" not in data and b"\\uD" not in data:
            raise
    return json.loads(data.decode(), parse_constant=_refuse)


def encoded(value: Any) -> bytes:
    """A JSON value as bytes, halves of surrogate pairs too."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def reason_in(finish: Any) -> str | None:
    """Why a choice ended, or None where that is not said."""
    said = finish if isinstance(finish, str) else str(finish or "")
    return None if said in UNSAID else said


def says(value: Any) -> bool:
    """Whether there is anything in a JSON value."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
        elif one is not None and one != "":
            return True
    return False


def calls_in(said: dict[str, msgspec.Raw] | None) -> bool:
    """Whether a `function_call` calls something: some servers send an empty one with every chunk."""
    return said is not None and any(bytes(raw) not in (b'""', b"null") for raw in said.values())


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


# Without types


def _lenient(content: Any) -> Completion:
    """What can be understood of an answer whose known fields have other types. Raises ValueError for no object."""
    if not isinstance(content, dict):
        raise ValueError("not an object")
    choices = content.get("choices")
    groq, response = content.get("x_groq"), content.get("base_resp")
    return Completion(
        choices=[_choice(choice) for choice in choices if isinstance(choice, dict)]
        if isinstance(choices, list)
        else None,
        usage=_usage(content.get("usage")),
        error=content.get("error"),
        x_groq=Groq(_usage(groq.get("usage")), groq.get("error")) if isinstance(groq, dict) else None,
        base_resp=_base_resp(response) if isinstance(response, dict) else None,
    )


def _base_resp(response: dict[str, Any]) -> BaseResp:
    code = response.get("status_code")
    code = int(code) if isinstance(code, str) and code.isdecimal() else code
    return BaseResp(code if isinstance(code, int) else None, str(response.get("status_msg") or ""))


def _choice(choice: dict[str, Any]) -> Choice:
    index = choice.get("index")
    return Choice(
        index=index if isinstance(index, int) else None,
        delta=_delta(choice.get("delta")),
        message=_delta(choice.get("message")),
        finish_reason=reason_in(choice.get("finish_reason")),
        usage=_usage(choice.get("usage")),
        error=choice.get("error"),
        text=text if isinstance(text := choice.get("text"), str) else None,
    )


_TEXTS: Final = ("content", "refusal", "reasoning_content", "reasoning")
_SILENT: Final = frozenset({"role", "tool_calls", "function_call"})
"""Members that are no content of their own: who speaks, and what is looked at by itself."""


def _delta(delta: Any) -> Delta | None:
    if not isinstance(delta, dict):
        return None
    texts = {name: delta[name] for name in _TEXTS if isinstance(delta.get(name), str)}
    rest = {name: value for name, value in delta.items() if name not in texts and name not in _SILENT}
    if isinstance(parts := rest.get("content"), list):
        texts["content"] = _text(parts)
        rest["content"] = [part for part in parts if not _is_text(part)]
    calls = delta.get("tool_calls")
    return Delta(
        **texts,
        tool_calls=[msgspec.Raw(b"{}")] * len(calls) if isinstance(calls, list) else None,
        function_call={"": msgspec.Raw(b"{}")} if says(delta.get("function_call")) else None,
        is_other=says(rest),
    )


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type", "text") == "text" and isinstance(part.get("text"), str)


def _text(parts: list[Any]) -> str:
    """The text of content that is a list of parts, as Mistral streams it beside its thinking."""
    return "".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def _usage(usage: Any) -> UsageSaid | None:
    return read_usage(usage) if isinstance(usage, dict) else None
