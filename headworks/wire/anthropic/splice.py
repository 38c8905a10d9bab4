"""Another attempt's stream, rewritten so that the caller's SDK sees one message that never broke.

Theory. Events of this API build on each other: a block is opened once, grows under its number, and is closed. So it has to be
known where the caller is (`noted`): how many blocks were opened, which of them is under way, and whether it says something.
Another attempt's blocks are not his. What is new of its text, as the given `Seam` says, goes into the caller's open block where
the attempt's block repeated something of it, or where that one is empty still; else his is closed and a new one opened. A
signature is told once. Tokens in the last event are those of the whole answer. This is the slow path: an event costs a decode
and an encode without types.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from headworks.core.dialect import Before, Seam
from headworks.core.errors import Diverged
from headworks.core.reply import Chunk
from headworks.wire.anthropic.forms import STOP, event
from headworks.wire.json_text import read_json
from headworks.wire.sse import events_in

_GROWING: Final = {"text_delta": "text", "thinking_delta": "thinking"}
"""A delta, and both the block that it belongs to and its member."""

_SEALED: Final = "redacted_thinking"
"""A block of thinking that is encrypted, whole from its start. Another attempt has another one, which means as much."""

_BLANKS: Final = " \t\r\n"


class Place(msgspec.Struct, omit_defaults=True):
    """Where the caller is in the answer. opened: blocks so far. kind: of the one under way, "" where none is. is_empty: it says
    nothing yet. sealed: blocks of thinking that is encrypted. is_signed: it has its signature. is_blank: the text so far ends in blanks. said: characters of all its texts, and
    of all its thinking."""

    opened: int = 0
    kind: str = ""
    is_empty: bool = True
    is_signed: bool = False
    is_blank: bool = False
    said: tuple[int, int] = (0, 0)
    sealed: int = 0


_PLACE: Final = msgspec.json.Decoder(Place)


class _Asked(msgspec.Struct):
    thinking: msgspec.Raw = msgspec.Raw(b"null")
    output_config: msgspec.Raw = msgspec.Raw(b"null")
    output_format: msgspec.Raw = msgspec.Raw(b"null")
    tool_choice: msgspec.Raw = msgspec.Raw(b"null")


_ASKED: Final = msgspec.json.Decoder(_Asked)


def may_resume(body: bytes) -> bool:
    """Whether another attempt may go on with an answer to this: a message is one answer, and says no numbers beside its text."""
    try:
        _ASKED.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def may_continue(body: bytes) -> bool:
    """Whether an answer may be gone on with from its middle. The API refuses it of a model that thinks, that has to use a tool,
    or whose answer has a form."""
    asked = _ASKED.decode(body)
    thinking, choice = bytes(asked.thinking), bytes(asked.tool_choice)
    is_calm = b'"enabled"' not in thinking and b'"adaptive"' not in thinking
    is_free = b'"any"' not in choice and b'"tool"' not in choice
    has_form = b'"format"' in bytes(asked.output_config) or bytes(asked.output_format) != b"null"
    return is_calm and is_free and not has_form


def reasoning_in(data: bytes) -> str | None:
    """The thinking of a chunk's events; None where they carry something that is neither that nor text."""
    said = ""
    for one in events_in(data):
        content = _read(one.data)
        kind = content.get("type")
        if kind == "content_block_start" and _kind(content) not in ("text", "thinking", _SEALED):
            return None
        if kind == "content_block_delta":
            delta = content.get("delta") or {}
            name = delta.get("type")
            if name not in ("text_delta", "thinking_delta", "signature_delta"):
                return None
            said += str(delta.get("thinking") or "") if name == "thinking_delta" else ""
    return said


def noted(known: bytes, chunks: Sequence[Chunk]) -> bytes:
    """Where the caller is once he has these chunks too. known: where he was, b"" at first."""
    place = _PLACE.decode(known) if known else Place()
    for chunk in chunks:
        for one in events_in(chunk.data) if chunk.data else ():
            _note(place, _read(one.data))
    return msgspec.json.encode(place)


def _note(place: Place, content: dict[str, Any]) -> None:
    kind = content.get("type")
    if kind == "content_block_start":
        place.opened += 1
        block = content.get("content_block") or {}
        place.kind, place.is_signed = _kind(content), False
        place.sealed += place.kind == _SEALED
        place.is_empty = not (block.get("text") or block.get("thinking"))
    elif kind == "content_block_stop":
        place.kind = ""
    elif kind == "content_block_delta":
        delta = content.get("delta") or {}
        place.is_signed |= delta.get("type") == "signature_delta"
        if said := delta.get(_GROWING.get(str(delta.get("type")), "")):
            place.is_empty = False
            texts, thoughts = place.said
            is_text = place.kind == "text"
            place.said = (texts + len(said), thoughts) if is_text else (texts, thoughts + len(said))
            place.is_blank = place.kind == "text" and str(said)[-1] in _BLANKS


def _kind(content: dict[str, Any]) -> str:
    block = content.get("content_block")
    return str(block.get("type") or "") if isinstance(block, dict) else ""


def _read(data: bytes) -> dict[str, Any]:
    try:
        content = read_json(data)
    except (ValueError, RecursionError):
        raise Diverged("The stream went on with an event that cannot be told again.") from None
    return content if isinstance(content, dict) else {}


class Rewriting:
    """Rewrites chunks of one attempt. known: where the caller is. before: what of the answer was there, where it goes on; None
    where it begins anew."""

    def __init__(self, known: bytes, seam: Seam, before: Before | None = None) -> None:
        self._place = _PLACE.decode(known) if known else Place()
        self._seam = seam
        self._before = before
        self._goes_on = before is not None  # the attempt's first text belongs to the caller's block
        self._skips_blanks = before is not None and self._place.is_blank
        self._kind = ""  # of the attempt's block under way
        self._is_ours = False  # its pieces go into the caller's open block
        self._is_bare = False  # it is thinking, and has said nothing
        self._held: dict[str, Any] | None = None  # the signature of a block of thinking that said nothing
        texts, thoughts = self._place.said if before is None else (0, 0)
        self._left = {"text": texts, "thinking": thoughts}  # characters that are still to be repeated
        self._sealed = self._place.sealed if before is None else 0  # blocks that are still to be repeated
        self._fresh = ""
        self._told: list[bytes] = []

    def chunk(self, chunk: Chunk, /) -> Chunk | None:
        """The chunk as the caller may see it, None where nothing of it is left. Raises what the seam raises."""
        self._fresh, self._told = "", []
        usage = chunk.usage if chunk.usage is None or self._before is None else self._before.joined(chunk.usage)
        for one in events_in(chunk.data) if chunk.data else ():
            self._event(_read(one.data))
        data = b"".join(self._told)
        if not data and usage is None and not chunk.last:
            return None
        return msgspec.structs.replace(
            chunk, data=data, text=self._fresh, usage=usage, has_content=chunk.has_content and bool(data), unasked=b""
        )

    def _event(self, content: dict[str, Any]) -> None:
        kind = content.get("type")
        if kind == "content_block_start":
            self._begin(content)
        elif kind == "content_block_delta":
            self._grow(content)
        elif kind == "content_block_stop":
            if self._kind not in ("text", "thinking") or (self._is_ours and self._place.kind == self._kind):
                self._close()
            self._kind, self._is_ours = "", False
        elif kind == "message_delta":
            self._seam.other()
            self._close()
            if isinstance(said := content.get("usage"), dict) and self._before is not None:
                _join(said, self._before)
            self._told.append(event("message_delta", content))
        elif kind == "message_stop":
            self._told.append(STOP)

    def _begin(self, content: dict[str, Any]) -> None:
        self._kind = _kind(content)
        self._is_ours = False
        if self._kind == _SEALED and self._sealed > 0:
            self._sealed -= 1
            self._kind = "text"  # its end closes nothing that is the caller's
            return
        block = content.get("content_block") or {}
        if self._kind in ("text", "thinking"):
            if self._goes_on and self._kind == "text" and self._place.kind == "text":
                self._is_ours = True
            self._goes_on = False
            self._is_bare, self._held = self._kind == "thinking", None
            if said := block.get(self._kind):
                self._say({"type": f"{self._kind}_delta", self._kind: said})
            return
        self._seam.other()
        self._tell_held()
        self._open(self._kind, block)
        self._is_ours = True

    def _grow(self, content: dict[str, Any]) -> None:
        delta = content.get("delta")
        if not isinstance(delta, dict):
            return
        if delta.get("type") in _GROWING:
            self._say(delta)
        elif delta.get("type") == "signature_delta":
            if self._place.kind == "thinking" and not self._place.is_signed and self._is_ours:
                self._tell(delta)
            elif self._is_bare:
                self._held = delta
        elif self._is_ours or self._kind == "text":
            self._tell(delta)

    def _say(self, delta: dict[str, Any]) -> None:
        """What of a text, or of thinking, is new."""
        name = _GROWING[str(delta.get("type"))]
        said = str(delta.get(name) or "")
        self._is_bare &= not said
        if name == "text" and self._skips_blanks:
            said = said.lstrip(_BLANKS)
            self._skips_blanks = not said
        fresh = (self._seam.text(said) if name == "text" else self._seam.reasoning(said)) if said else ""
        self._left[name] -= len(said) - len(fresh)
        if self._place.kind == name and self._left[name] <= 0:
            self._is_ours |= bool(fresh) if self._place.is_empty else fresh != said
        if not fresh:
            return
        if not self._is_ours or self._place.kind != name:
            self._open(name, {"type": "text", "text": ""} if name == "text" else _THINKING)
            self._is_ours = True
        if name == "text":
            self._fresh += fresh
        self._tell({**delta, name: fresh})

    def _tell_held(self) -> None:
        """The signature that belongs to what follows: other vendors' calls are signed by a block of thinking without words. The
        caller has it, where that was the last he was told."""
        held, self._held = self._held, None
        if held is not None and not (self._place.is_signed and self._place.is_empty):
            self._open("thinking", _THINKING)
            self._tell(held)

    def _tell(self, delta: dict[str, Any]) -> None:
        content = {"type": "content_block_delta", "index": self._place.opened - 1, "delta": delta}
        _note(self._place, content)
        self._told.append(event("content_block_delta", content))

    def _open(self, kind: str, block: dict[str, Any]) -> None:
        self._close()
        content = {"type": "content_block_start", "index": self._place.opened, "content_block": block}
        _note(self._place, content)
        self._told.append(event("content_block_start", content))

    def _close(self) -> None:
        """Closes the caller's block, where one is open."""
        if self._place.kind:
            self._told.append(event("content_block_stop", {"index": self._place.opened - 1}))
            self._place.kind = ""


_THINKING: Final = {"type": "thinking", "thinking": "", "signature": ""}


def _join(usage: dict[str, Any], before: Before) -> None:
    """Tokens of the whole answer, as `Before.joined`, in the vendor's own words."""
    said, asked = usage.get("output_tokens"), usage.get("input_tokens")
    if isinstance(said, int):
        usage["output_tokens"] = said + before.said
    if before.asked is None:
        if isinstance(asked, int):
            usage["input_tokens"] = max(0, asked - before.handed)
        return
    tokens = before.asked
    counts = {
        "input_tokens": tokens.input + tokens.audio_input,
        "cache_read_input_tokens": tokens.cached_input,
        "cache_creation_input_tokens": tokens.cache_write + tokens.cache_write_1h,
    }
    usage.update({name: count for name, count in counts.items() if name in usage or count})
