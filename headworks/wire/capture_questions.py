"""What `headworks record` asks: a text, a tool call, and a model that is not there, each whole and streamed.

Always true: the questions are ours and say nothing of anybody. They are written in the API that every vendor can be asked in, and in
Responses where the vendor has it.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from headworks.core.dialect import Dialect
from headworks.wire.openai.caller import CHAT
from headworks.wire.openai.responses.caller import RESPONSES
from headworks.wire.sides import VendorDialect

_QUESTION: Final = "Say in two short sentences what a lock in a canal is."
_TOOL_QUESTION: Final = "What is the weather in Lisbon? Use the tool."
_ABOUT: Final = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_FUNCTION: Final = {"name": "get_weather", "description": "The weather in a city.", "parameters": _ABOUT}


class Question(msgspec.Struct, frozen=True):
    """One call. name: of the file. is_refused: it asks for a model that is not there, so an error is what is wanted."""

    name: str
    dialect: Dialect
    body: bytes
    streamed: bool = False
    is_refused: bool = False


def _chat(question: str, **more: Any) -> dict[str, Any]:
    return {"model": "x", "messages": [{"role": "user", "content": question}], **more}


def _responses(question: str, **more: Any) -> dict[str, Any]:
    return {"model": "x", "input": question, "store": False, **more}


def questions(vendor: VendorDialect) -> list[Question]:
    """The calls to this vendor, in the order in which they are made."""
    chat_tools = {"tools": [{"type": "function", "function": _FUNCTION}]}
    tools = {"tools": [{"type": "function", **_FUNCTION}]}
    asked: list[tuple[str, Dialect, dict[str, Any]]] = [
        ("text", CHAT, _chat(_QUESTION)),
        ("tool", CHAT, _chat(_TOOL_QUESTION, **chat_tools)),
        ("error", CHAT, _chat(_QUESTION)),
    ]
    if RESPONSES.name in vendor:
        asked += [
            ("responses_text", RESPONSES, _responses(_QUESTION)),
            ("responses_tool", RESPONSES, _responses(_TOOL_QUESTION, **tools)),
        ]
    found: list[Question] = []
    for name, dialect, body in asked:
        for streamed in (False, True):
            said = msgspec.json.encode({**body, **({"stream": True} if streamed else {})})
            file = f"{name}_streamed" if streamed else name
            found.append(Question(file, dialect, said, streamed, name == "error"))
    return found
