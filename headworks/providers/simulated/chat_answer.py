"""From a caller's body to what a simulated vendor will say: text, JSON or tool calls, for each choice.

Always true: it depends on the body and the seed only. A body that a vendor would refuse raises Rejected naming the
field; other fields are ignored.
"""

from __future__ import annotations

from array import array
from base64 import b64encode
from hashlib import shake_128
from math import sqrt
from typing import Annotated, Any, NoReturn

import msgspec

from headworks.core.call import Call
from headworks.core.errors import Rejected, VendorSaid
from headworks.core.reply import Usage
from headworks.providers.completions import Choice, ToolCall
from headworks.providers.simulated import answer_text as simulated_text
from headworks.providers.simulated import schema_values as simulated_schema
from headworks.providers.simulated.prompt_blocks import blocks_of, mark_of
from headworks.providers.simulated.prompt_cache import Prompt

MAX_CHOICES = 128
MAX_DIMENSIONS = 4096
DEFAULT_DIMENSIONS = 384
"""Of an embedding where the caller names none: what small embedding models have."""

_NULL = msgspec.Raw(b"null")
_encode = msgspec.json.encode


class _Message(msgspec.Struct):
    role: str
    content: msgspec.Raw = _NULL


class _Function(msgspec.Struct):
    name: str
    parameters: dict[str, Any] | None = None


class _Tool(msgspec.Struct):
    type: str
    function: _Function | None = None


class _Named(msgspec.Struct):
    name: str


class _ToolOf(msgspec.Struct):
    type: str = "function"
    function: _Named | None = None


class _Allowed(msgspec.Struct):
    mode: str
    tools: list[_ToolOf]


class _ToolChoice(msgspec.Struct):
    type: str
    function: _Named | None = None
    allowed_tools: _Allowed | None = None


class _Schema(msgspec.Struct):
    schema: dict[str, Any] | None = None


class _Format(msgspec.Struct):
    type: str
    json_schema: _Schema | None = None


Whole = Annotated[float, msgspec.Meta(multiple_of=1)]
"""A whole number as any JSON writes it: 2, 2.0, 20e-1."""


class _Chat(msgspec.Struct):
    messages: list[_Message]
    max_tokens: Whole | None = None
    max_completion_tokens: Whole | None = None
    seed: int | None = None
    n: Whole | None = None
    stop: str | list[str] | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | _ToolChoice | None = None
    response_format: _Format | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    functions: Any = None
    audio: Any = None
    cache_control: msgspec.Raw = _NULL


class _Embeddings(msgspec.Struct):
    input: str | list[str | int | list[int]]
    dimensions: int | None = None
    encoding_format: str | None = None


_CHAT = msgspec.json.Decoder(_Chat)
_EMBEDDINGS = msgspec.json.Decoder(_Embeddings)


class ChoiceTokens(msgspec.Struct):
    """One choice in tokens. With a tool call the tokens are those of its arguments."""

    pieces: list[str]
    finish: str
    tool_call: ToolCall | None = None

    def choice(self, top: int | None) -> Choice:
        text = "".join(self.pieces)
        if self.tool_call is not None:
            made = msgspec.structs.replace(self.tool_call, arguments=text)
            return Choice(text=None, finish=self.finish, tool_call=made)
        return Choice(text=text, finish=self.finish, logprobs=logprobs(self.pieces, top))


class Answer:
    """What is said to one call. top: the alternatives a token is shown with, None where no logprobs were asked for.

    ticks: tokens of the longest choice, for the choices are said side by side. asked: the tokens of the prompt by class.
    """

    __slots__ = ("_chat", "_messages", "asked", "choices", "ticks", "top", "usage")

    def __init__(self, choices: list[ChoiceTokens], input_tokens: int, chat: _Chat, messages: list[_Message]) -> None:
        self.choices = choices
        self.asked = Usage(input=input_tokens)
        self.top = (chat.top_logprobs or 0) if chat.logprobs else None
        self._chat = chat
        self._messages = messages
        self._count()

    def prompt(self, *, is_marked: bool) -> Prompt:
        """The prompt as a prompt cache sees it. is_marked: the caller has marked it in words that did not come this far."""
        blocks = blocks_of([(message.role, message.content) for message in self._messages])
        mark = mark_of(self._chat.cache_control) or ("5m" if is_marked else "")
        if mark and blocks and not any(block.mark for block in blocks):
            blocks[-1] = msgspec.structs.replace(blocks[-1], mark=mark)
        head = _encode(self._chat.tools) if self._chat.tools else b""
        return Prompt(head, blocks, self.asked.input_tokens)

    def count_asked(self, asked: Usage) -> None:
        """Takes the tokens of the prompt by class, as the prompt cache has counted them."""
        self.asked = asked
        self._count()

    def cut(self, at: int, finish: str) -> None:
        """Ends every choice after `at` tokens, with another finish reason."""
        for said in self.choices:
            del said.pieces[at:]
            said.finish = finish
        self._count()

    def _count(self) -> None:
        counts = [len(said.pieces) for said in self.choices]
        self.ticks = max(counts)
        self.usage = msgspec.structs.replace(self.asked, output=sum(counts))


def raise_rejected(message: str, param: str | None, code: str | None = None) -> NoReturn:
    """Raises the error of a vendor's 400."""
    said = VendorSaid(status=400, message=message, type="invalid_request_error", code=code, param=param)
    raise Rejected(message, param=param, said=said)


def chat_answer(call: Call, seed: int, lengths: simulated_text.TokenCounts) -> Answer:
    """The answer to a chat call. Raises Rejected."""
    asked: _Chat = _decoded(_CHAT, call.body)
    _check(asked)
    said, prefill = asked.messages, ""
    if said[-1].role == "assistant" and (begun := _text(said[-1].content)):
        said, prefill = said[:-1], begun
    parts: list[bytes] = []
    for message in said:
        parts += message.role.encode(), bytes(message.content)
    key = simulated_text.text_key(parts, seed if asked.seed is None else asked.seed)
    most, limits = simulated_text.MAX_TOKENS, (asked.max_tokens, asked.max_completion_tokens)
    for limit in (*limits, call.max_output):
        if limit is not None and limit < most:
            most = int(limit)
    # An alias's `max_output` is a bound, not a wish: only what the body says makes an answer longer.
    is_asked = lengths.follows_call and any(limit is not None for limit in limits)
    maker = _AnswerBuilder(asked, None if is_asked else lengths, most, prefill)
    choices = [maker.say(simulated_text.other_key(key, index)) for index in range(int(asked.n or 1))]
    input_tokens = max(1, sum(map(len, parts)) // 4)
    return Answer(choices, input_tokens, asked, said)


class _AnswerBuilder:
    """Makes the choices of one call. lengths: how long texts are; None where they are as long as the call allows."""

    __slots__ = ("_asked", "_lengths", "_most", "_prefill", "_tools")

    def __init__(self, asked: _Chat, lengths: simulated_text.TokenCounts | None, most: int, prefill: str) -> None:
        self._asked = asked
        self._lengths = lengths
        self._most = most
        self._prefill = prefill
        self._tools = _callable_tools(asked) if asked.tools else []

    def say(self, key: bytes) -> ChoiceTokens:
        if self._tools:
            return self._call_tool(key)
        wanted = self._asked.response_format
        if wanted is not None and wanted.type != "text":
            made = simulated_text.pieces(_json(wanted, key))
            return self._ended(simulated_text.after_prefill(made, self._prefill), "stop")
        if self._lengths is None:  # with a prefill it is the whole text that is so long, as it was before it broke
            whole = simulated_text.tokens(key, self._most)
            return self._ended(simulated_text.after_prefill(whole, self._prefill), "length")
        count = self._lengths.of(key)
        if not self._prefill:
            count = min(count, self._most + 1)  # one more than may be said: then it is seen to be cut
        return self._ended(simulated_text.after_prefill(simulated_text.tokens(key, count), self._prefill), "stop")

    def _call_tool(self, key: bytes) -> ChoiceTokens:
        function = self._tools[key[0] % len(self._tools)]
        try:
            arguments = simulated_schema.text(function.parameters or {"type": "object"}, key)
        except simulated_schema.Unsatisfiable as error:
            raise_rejected(
                f"Invalid schema for function '{function.name}': {error}.", "tools", "invalid_function_parameters"
            )
        said = self._ended(simulated_text.pieces(arguments), "tool_calls")
        said.tool_call = ToolCall(id=f"call_{key.hex()[:24]}", name=function.name, arguments="")
        return said

    def _ended(self, pieces: list[str], finish: str) -> ChoiceTokens:
        stop = self._asked.stop
        if stop:
            before = simulated_text.before_stop(pieces, [stop] if isinstance(stop, str) else stop)
            pieces, finish = before, finish if before is pieces or finish != "length" else "stop"
        if len(pieces) > self._most:
            return ChoiceTokens(pieces[: self._most], "length")
        return ChoiceTokens(pieces, finish)


def _json(wanted: _Format, key: bytes) -> str:
    if wanted.type == "json_object":
        return _encode({"answer": "".join(simulated_text.tokens(key, 6))}).decode()
    schema = wanted.json_schema.schema if wanted.json_schema is not None else None
    if wanted.type != "json_schema" or schema is None:
        raise_rejected("Only text, json_object and json_schema with a schema are known.", "response_format")
    try:
        return simulated_schema.text(schema, key)
    except simulated_schema.Unsatisfiable as error:
        raise_rejected(f"Invalid schema for response_format: {error}.", "response_format")


def _callable_tools(asked: _Chat) -> list[_Function]:
    """The functions of which one is called now; none where the model may, and does not, call any.

    Where it may choose (`auto`) it answers a person with a call, and a tool's result with text: so that loops end.
    """
    functions = [tool.function for tool in asked.tools or () if tool.function is not None]
    if len(functions) < len(asked.tools or ()):
        raise_rejected("Only tools of type `function` are known.", "tools")
    choice = asked.tool_choice
    mode = choice if isinstance(choice, str) else "auto"
    if isinstance(choice, _ToolChoice):
        if choice.allowed_tools is not None:
            names = {tool.function.name for tool in choice.allowed_tools.tools if tool.function is not None}
            mode = choice.allowed_tools.mode
        else:
            names = {choice.function.name} if choice.function is not None else set()
            mode = "required"
        functions = [function for function in functions if function.name in names]
        if not functions:
            raise_rejected("tool_choice names no tool that was given.", "tool_choice")
    if mode not in ("none", "auto", "required"):
        raise_rejected(f"tool_choice {mode!r} is not known.", "tool_choice")
    if mode == "none" or (mode == "auto" and asked.messages[-1].role != "user"):
        return []
    return functions


def _check(asked: _Chat) -> None:
    if not asked.messages:
        raise_rejected("There are no messages.", "messages")
    if asked.n is not None and not 1 <= asked.n <= MAX_CHOICES:
        raise_rejected(f"n must be between 1 and {MAX_CHOICES}.", "n")
    if asked.max_tokens is not None and asked.max_tokens < 1:
        raise_rejected("max_tokens must be at least 1.", "max_tokens")
    if asked.max_completion_tokens is not None and asked.max_completion_tokens < 1:
        raise_rejected("max_completion_tokens must be at least 1.", "max_completion_tokens")
    if asked.top_logprobs is not None and not (asked.logprobs and 0 <= asked.top_logprobs <= 20):
        raise_rejected("top_logprobs must be between 0 and 20, and needs logprobs.", "top_logprobs")
    if asked.functions is not None:
        raise_rejected("functions are not known here; use tools.", "functions")
    if asked.audio is not None:
        raise_rejected("This model says text only.", "audio")


def _decoded(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        raise_rejected(message, path.rstrip("`") or None)
    except (ValueError, RecursionError):
        raise_rejected("The body is not JSON.", None)


def _text(content: msgspec.Raw) -> str:
    said = msgspec.json.decode(content)
    return said if isinstance(said, str) else ""


def logprobs(pieces: list[str], top: int | None) -> bytes:
    """Every token with a probability, in JSON; `null` where the caller did not ask."""
    if top is None:
        return b"null"
    content = []
    for piece in pieces:
        shown = {"token": piece, "logprob": -(len(piece) % 7) / 10, "bytes": list(piece.encode())}
        others = [
            {"token": f" {number}", "logprob": -1.0 - number, "bytes": [32, 48 + number % 10]}
            for number in range(1, top)
        ]
        content.append({**shown, "top_logprobs": [shown, *others] if top else []})
    return _encode({"content": content, "refusal": None})


def embeddings_answer(call: Call, seed: int, model: str) -> tuple[bytes, Usage]:
    """The body of an answer to an embeddings call: unit vectors, the same for the same text and seed. Raises Rejected."""
    asked: _Embeddings = _decoded(_EMBEDDINGS, call.body)
    given = asked.input
    if isinstance(given, str) or (given and isinstance(given[0], int)):
        given = [given]  # type: ignore[list-item]
    dimensions = DEFAULT_DIMENSIONS if asked.dimensions is None else asked.dimensions
    if not given or any(one in ("", []) for one in given):
        raise_rejected("input must not be empty.", "input")
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise_rejected(f"dimensions must be between 1 and {MAX_DIMENSIONS}.", "dimensions")
    if asked.encoding_format not in (None, "float", "base64"):
        raise_rejected("encoding_format is `float` or `base64`.", "encoding_format")
    made: list[bytes] = []
    used = 0
    for index, one in enumerate(given):
        told = one.encode() if isinstance(one, str) else _encode(one)
        used += max(1, len(told) // 4) if isinstance(one, str) else len(one) if isinstance(one, list) else 1
        vector = unit_vector(simulated_text.text_key([told], seed), dimensions)
        shown = _encode(b64encode(vector.tobytes()).decode() if asked.encoding_format == "base64" else list(vector))
        made.append(b'{"object":"embedding","index":%d,"embedding":%b}' % (index, shown))
    body = b'{"object":"list","data":[%b],"model":%b,"usage":{"prompt_tokens":%d,"total_tokens":%d}}' % (
        b",".join(made),
        _encode(model),
        used,
        used,
    )
    return body, Usage(input=used)


def unit_vector(key: bytes, dimensions: int) -> array[float]:
    """32-bit floats of length 1. No component is zero, so that no vector is."""
    drawn = [byte - 127.5 for byte in shake_128(key).digest(dimensions)]
    length = sqrt(sum(one * one for one in drawn))
    return array("f", [one / length for one in drawn])
