"""The bytes of an answer in the shape of chat completions, for leaves that have no vendor to take them from.

What is always true: each method returns bytes that an SDK can read as they are; a stream begins with `role`, ends with
`DONE`, and every event is one line and an empty one. Put together from pieces: an event costs one small encode.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from headworks.core.reply import Chunk, Usage

DONE = b"data: [DONE]\n\n"

_encode = msgspec.json.encode


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call to a function: its arguments are JSON text."""

    id: str
    name: str
    arguments: str


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One of the answers to a call. `logprobs` is JSON, `null` where they were not asked for."""

    text: str | None
    finish: str
    tool_call: ToolCall | None = None
    logprobs: bytes = b"null"


def usage_json(usage: Usage) -> bytes:
    prompt, completion = usage.input_tokens, usage.output_tokens
    written = usage.cache_write + usage.cache_write_1h
    return (
        b'{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,"prompt_tokens_details":{"cached_tokens":%d%b},'
        b'"completion_tokens_details":{"reasoning_tokens":%d}}'
        % (
            prompt,
            completion,
            prompt + completion,
            usage.cached_input,
            b',"cache_write_tokens":%d' % written if written else b"",
            usage.reasoning,
        )
    )


class Envelope:
    """What every event of one answer repeats: its id, the model's name, when it was made (seconds since 1970)."""

    __slots__ = ("_event", "_stamp")

    def __init__(self, id: str, model: str, created: int) -> None:
        self._stamp = b'{"id":%b,"created":%d,"model":%b,' % (_encode(id), created, _encode(model))
        self._event = b"data: " + self._stamp + b'"object":"chat.completion.chunk","choices":['

    def whole(self, choices: Sequence[Choice], usage: Usage) -> bytes:
        """The body of an answer that is not streamed."""
        made = b",".join(_choice(index, choice) for index, choice in enumerate(choices))
        return b'%b"object":"chat.completion","choices":[%b],"usage":%b}' % (self._stamp, made, usage_json(usage))

    def role(self, index: int = 0) -> bytes:
        return (
            b'%b{"index":%d,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}\n\n'
            % (
                self._event,
                index,
            )
        )

    def text(self, text: str, index: int = 0, logprobs: bytes = b"null") -> bytes:
        return b'%b{"index":%d,"delta":{"content":%b},"logprobs":%b,"finish_reason":null}]}\n\n' % (
            self._event,
            index,
            _encode(text),
            logprobs,
        )

    def tool_name(self, tool_call: ToolCall, index: int = 0) -> bytes:
        """The event that begins a tool call: everything but its arguments."""
        made = b'{"index":0,"id":%b,"type":"function","function":{"name":%b,"arguments":""}}' % (
            _encode(tool_call.id),
            _encode(tool_call.name),
        )
        return b'%b{"index":%d,"delta":{"tool_calls":[%b]},"logprobs":null,"finish_reason":null}]}\n\n' % (
            self._event,
            index,
            made,
        )

    def tool_arguments(self, piece: str, index: int = 0) -> bytes:
        made = b'{"index":0,"function":{"arguments":%b}}' % _encode(piece)
        return b'%b{"index":%d,"delta":{"tool_calls":[%b]},"logprobs":null,"finish_reason":null}]}\n\n' % (
            self._event,
            index,
            made,
        )

    def finish(self, reason: str, index: int = 0) -> bytes:
        return b'%b{"index":%d,"delta":{},"logprobs":null,"finish_reason":%b}]}\n\n' % (
            self._event,
            index,
            _encode(reason),
        )

    def usage(self, usage: Usage) -> bytes:
        """The event with the tokens, for those who asked for it."""
        return b'%b],"usage":%b}\n\n' % (self._event, usage_json(usage))

    def ending(self, usage: Usage, *, asked: bool) -> Chunk:
        """The last chunk of a stream: the tokens, in the bytes too if they were asked for, and the end mark."""
        counts = self.usage(usage)
        if asked:
            return Chunk(data=counts + DONE, usage=usage, last=True)
        return Chunk(data=DONE, usage=usage, last=True, unasked=counts)


def _choice(index: int, choice: Choice) -> bytes:
    if choice.tool_call is None:
        tools = b""
    else:
        call = choice.tool_call
        tools = b',"tool_calls":[{"id":%b,"type":"function","function":{"name":%b,"arguments":%b}}]' % (
            _encode(call.id),
            _encode(call.name),
            _encode(call.arguments),
        )
    return (
        b'{"index":%d,"message":{"role":"assistant","content":%b,"refusal":null%b},"logprobs":%b,"finish_reason":%b}'
        % (
            index,
            _encode(choice.text),
            tools,
            choice.logprobs,
            _encode(choice.finish),
        )
    )
