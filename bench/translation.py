"""What a call that crosses dialects costs: microseconds of the processor, beside the same call in its own dialect.

    python bench/translation.py [--only openai.chat:anthropic.messages]

Each number is the median of many short rounds of `time.process_time`, the two sides by turns, so that the machine's drift is in both.
A question is measured at 1.5 KB (two turns) and at 60 KB of many short turns, whose difference by the KB is the slope. A chunk is one
event with a word of text. Aims: 120 us more at 1.5 KB, 3 us a KB beyond, 15 us more a chunk.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from headworks.core.call import Call
from headworks.core.dialect import Dialect
from headworks.gateway.leaves import DIALECTS
from headworks.wire.anthropic.caller import MESSAGES
from headworks.wire.gemini.caller import GENERATE
from headworks.wire.openai.caller import CHAT
from headworks.wire.openai.dialect import speaking
from headworks.wire.openai.responses.caller import RESPONSES
from headworks.wire.sides import VendorSide
from headworks.wire.translated import between
from tests.wire.bedrock import frames

ROUNDS = 60
TURN = "A short turn of about eighty letters, as they come in the midst of a long talk: "
LONG = 12
"""Times of that in a turn of about a kilobyte, as an agent's tools answer."""

CALLERS: dict[str, Dialect] = {one.name: one for one in (CHAT, RESPONSES, MESSAGES, GENERATE)}
VENDORS = {
    "openai.chat": speaking(("chat",)),
    "openai.responses": speaking(("responses",)),
    "anthropic.messages": DIALECTS["anthropic"],
    "gemini.generate": DIALECTS["gemini"],
    "bedrock.converse": DIALECTS["bedrock"],
}


def body(caller: str, turns: int, times: int = 1) -> bytes:
    """A question of so many turns, with one tool."""
    text = TURN * times
    roles = ["user" if number % 2 == 0 else "assistant" for number in range(turns - 1 + turns % 2)]
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"name": "get_weather", "description": "The weather in a city."}
    said: dict[str, Any]
    if caller == "gemini.generate":
        parts = [{"role": "model" if role == "assistant" else role, "parts": [{"text": text}]} for role in roles]
        said = {"contents": parts, "tools": [{"functionDeclarations": [{**tool, "parameters": schema}]}]}
    elif caller == "openai.responses":
        kinds = {"user": "input_text", "assistant": "output_text"}
        items = [{"type": "message", "role": role, "content": [{"type": kinds[role], "text": text}]} for role in roles]
        said = {
            "model": "m",
            "input": items,
            "store": False,
            "tools": [{"type": "function", **tool, "parameters": schema}],
        }
    else:
        said = {"model": "m", "max_tokens": 100, "messages": [{"role": role, "content": text} for role in roles]}
        function = {"type": "function", "function": {**tool, "parameters": schema}}
        said["tools"] = [{**tool, "input_schema": schema}] if caller == "anthropic.messages" else [function]
    if caller != "gemini.generate":
        said["stream"] = True
    return json.dumps(said, separators=(",", ":")).encode()


def events(vendor: str) -> tuple[bytes, bytes]:
    """How a vendor's stream begins, and one event with a word."""
    if vendor == "openai.chat":
        one = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        say = [{"index": 0, "delta": {"content": " word"}, "logprobs": None, "finish_reason": None}]
        head = [{"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}]
        return sse({**one, "choices": head}), sse({**one, "choices": say})
    if vendor == "anthropic.messages":
        usage = {"input_tokens": 1, "output_tokens": 1}
        message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
        begin = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        word = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " word"}}
        return named({"type": "message_start", "message": message}) + named(begin), named(word)
    if vendor == "gemini.generate":
        content = {"parts": [{"text": " word"}], "role": "model"}
        usage = {"promptTokenCount": 9, "candidatesTokenCount": 1, "totalTokenCount": 10}
        word = {
            "candidates": [{"content": content, "index": 0}],
            "usageMetadata": usage,
            "modelVersion": "m",
            "responseId": "r",
        }
        return b"", sse(word)
    if vendor == "bedrock.converse":
        start = frames.event("messageStart", {"role": "assistant"})
        return start, frames.stream([frames.delta(0, {"text": " word"})])
    response = {"id": "r", "object": "response", "status": "in_progress", "model": "m", "output": []}
    item = {"id": "i", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
    place = {"item_id": "i", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": []}
    first = named({"type": "response.created", "sequence_number": 0, "response": response})
    first += named({"type": "response.output_item.added", "sequence_number": 1, "output_index": 0, "item": item})
    first += named({"type": "response.content_part.added", "sequence_number": 2, **place, "part": part})
    word = {"type": "response.output_text.delta", "sequence_number": 3, **place, "delta": " word", "logprobs": []}
    return first, named(word)


def sse(said: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(said, separators=(",", ":")).encode() + b"\n\n"


def named(said: dict[str, Any]) -> bytes:
    return b"event: %b\n" % said["type"].encode() + sse(said)


def call(caller: str, said: bytes) -> Call:
    return Call(id="req_" + "0" * 32, alias="m", body=said, dialect=CALLERS[caller], streamed=True, include_usage=True)


def paired(first: Callable[[], object], second: Callable[[], object], times: int) -> tuple[float, float]:
    """Microseconds that each takes, the median of rounds by turns."""
    found: tuple[list[float], list[float]] = ([], [])
    gc.collect()
    gc.disable()
    for _ in range(ROUNDS):
        for work, took in zip((first, second), found, strict=True):
            began = time.process_time()
            for _ in range(times):
                work()
            took.append((time.process_time() - began) / times * 1e6)
    gc.enable()
    return statistics.median(found[0]), statistics.median(found[1])


def asking(caller: str, side: VendorSide, said: bytes) -> Callable[[], object]:
    one = call(caller, said)
    return lambda: side.request(one, b'"m"', counted=False)


def reading(caller: str, side: VendorSide, vendor: str) -> Callable[[], object]:
    first, word = events(vendor)
    one = call(caller, body(caller, 2))
    decoder = side.decoder(one, one.body)
    assert decoder is not None
    decoder.feed(first)
    assert decoder.feed(word)
    return lambda: decoder.feed(word)


def measured(caller: str, vendor: str) -> tuple[float, float, float, float]:
    """Microseconds more at 1.5 KB, by the KB beyond (of short turns, and of turns of 1 KB), and by the chunk, than where both speak the same (a vendor that nobody speaks: in all)."""
    side = between(CALLERS[caller], VENDORS[vendor])
    own = between(CALLERS[caller], VENDORS[caller])
    assert side is not None
    assert own is not None
    small, large = body(caller, 9), body(caller, 501)
    one, base = paired(asking(caller, side, small), asking(caller, own, small), 20)
    many, many_base = paired(asking(caller, side, large), asking(caller, own, large), 2)
    chunk, chunk_base = paired(reading(caller, side, vendor), reading(caller, own, caller), 50)
    more = one - base
    slope = (many - many_base - more) / ((len(large) - len(small)) / 1024)
    wide = body(caller, 61, LONG)
    long, long_base = paired(asking(caller, side, wide), asking(caller, own, wide), 4)
    long_slope = (long - long_base - more) / ((len(wide) - len(small)) / 1024)
    return more, slope, long_slope, chunk - chunk_base


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="CALLER:VENDOR")
    only = parser.parse_args().only
    print("| caller | vendor | us more at 1.5 KB | us a KB of short turns | of turns of 1 KB | us more a chunk |")
    print("|---|---|---|---|---|---|")
    for caller in CALLERS:
        for vendor in VENDORS:
            if caller != vendor and only in ("", f"{caller}:{vendor}"):
                more, slope, long_slope, chunk = measured(caller, vendor)
                print(
                    f"| {caller} | {vendor} | {more:.0f} | {slope:.1f} | {long_slope:.1f} | {chunk:.1f} |", flush=True
                )


if __name__ == "__main__":
    main()
