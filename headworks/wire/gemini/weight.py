"""What of a body in Gemini's dialect decides how many tokens it can have, beside its length. Read only under a budget.

Always true: what a body's bytes do not bound is named in `unbounded`. Pictures, sound and candidates are bounded by their number or
length; films, documents, what is only pointed to, cached content and the vendor's own tools are not.
"""

from __future__ import annotations

from typing import Any, Final

from headworks.core.dialect import Weight
from headworks.core.errors import Malformed
from headworks.wire.gemini.body import choices_asked
from headworks.wire.gemini.names import camel
from headworks.wire.gemini.splice import config_of
from headworks.wire.json_text import read_json
from headworks.wire.members import members

_LEAST: Final = Weight()

DENSE: Final = 60_000
"""Lists and objects beyond which a body is not weighed: it would hold the loop for 20 ms."""

_FREE: Final = frozenset(
    {
        *("text", "thought", "thoughtSignature", "functionCall", "executableCode", "codeExecutionResult"),
        *("partMetadata", "mediaResolution"),
    }
)
"""Members of a part that are bounded by their own bytes."""

_OWN_TOOLS: Final = frozenset({"functionDeclarations"})


class Unbounded(Exception):
    """Something is not bounded by the body's bytes: its name is the message."""


def weigh(body: bytes, /) -> Weight:
    """The weight of a body. What cannot be read is unbounded: the vendor may read it otherwise."""
    try:
        if body.count(b"{") + body.count(b"[") > DENSE:
            return Weight(unbounded="contents")
        found = {camel(name): raw for name, raw in members(body).items()}
        if bytes(found.get("cachedContent", b"null")) not in (b"null", b'""'):
            return Weight(unbounded="cachedContent")
        config = config_of(body)
        counted = Counted()
        for name in ("contents", "systemInstruction"):
            if name in found:
                counted.contents(read_json(found[name]))
        for tool in _list(read_json(found["tools"])) if "tools" in found else ():
            for name in tool if isinstance(tool, dict) else ():
                if camel(name) not in _OWN_TOOLS:
                    return Weight(unbounded=f"tools.{camel(name)}"[:80])
    except Unbounded as error:
        return Weight(unbounded=str(error)[:80])
    except (Malformed, ValueError, RecursionError):
        return Weight(unbounded="contents")
    modalities = [str(one).upper() for one in _list(config.get("responseModalities"))]
    if "IMAGE" in modalities or "VIDEO" in modalities:
        return Weight(unbounded="generationConfig.responseModalities")
    is_audible = counted.is_audible or "AUDIO" in modalities
    choices = choices_asked(body)
    if choices == 1 and not counted.pictures and not is_audible:
        return _LEAST
    return Weight(choices=choices, pictures=(0, counted.pictures), is_audible=is_audible)


class Counted:
    """The pictures and the sound of contents. Raises Unbounded for what their bytes do not bound."""

    def __init__(self) -> None:
        self.pictures = 0
        self.is_audible = False

    def contents(self, said: Any) -> None:
        if isinstance(said, list) and len(said) > DENSE:
            raise Unbounded("contents")  # bare values: millions of them fit into a body
        for content in said if isinstance(said, list) else [said]:
            for part in _list(content.get("parts")) if isinstance(content, dict) else ():
                self.part(part)

    def part(self, part: Any) -> None:
        if not isinstance(part, dict):
            raise Unbounded("contents.parts")
        for name, value in part.items():
            kind = camel(name)
            if kind == "inlineData":
                self.blob(value)
            elif kind == "functionResponse" and isinstance(value, dict):
                for inside in _list(value.get("parts")):
                    self.part(inside)
            elif kind not in _FREE:
                raise Unbounded(kind)

    def blob(self, value: Any) -> None:
        said = {camel(name): one for name, one in value.items()} if isinstance(value, dict) else {}
        kind = str(said.get("mimeType") or "").partition("/")[0]
        if kind == "image":
            self.pictures += 1
        elif kind == "audio":
            self.is_audible = True
        elif kind != "text":
            raise Unbounded("inlineData")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
