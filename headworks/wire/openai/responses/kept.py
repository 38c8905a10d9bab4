"""How an answer of Responses is kept, and how a call goes on from one (`previous_response_id`).

Theory. A turn is what one call added: its input items, and the output items of its answer. A later call's input is the turns before it, and
then its own items; so it goes to any vendor in any dialect, as a call does whose client sent all of that. An answer speaks of itself in few
events (`_LIFE`) or in its body, and only there `id`, `store` and `previous_response_id` are changed; every other byte stays. The id is ours: a
vendor's may come twice, and a cached answer has that of another call.

Reasoning of a vendor of Responses means something to that vendor only, and only with its `encrypted_content`, for nothing is kept there. So
that is asked for where the call speaks of `reasoning` (a model that does not reason refuses it), and an item without it is left out of the next
call.

Sources, 2026-12-01: https://platform.openai.com/docs/api-reference/responses (the fields, and that `instructions` are not carried over),
https://platform.openai.com/docs/guides/reasoning (`include: ["reasoning.encrypted_content"]`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from headworks.core.dialect import Said
from headworks.core.errors import Malformed
from headworks.core.kept_answer import Conversation, ItemPlace
from headworks.wire.json_body import replaced
from headworks.wire.json_text import write_json
from headworks.wire.members import Members, Place, members, places
from headworks.wire.openai.responses import forms
from headworks.wire.openai.responses.body import PREVIOUS
from headworks.wire.openai.responses.input_items import listed, page_asked
from headworks.wire.openai.responses.references import is_bare, places_in, resolved
from headworks.wire.sse import events_in

_MARK: Final = b'"response"'
"""What stands in each event in which an answer speaks of itself. Inside a text its quotes would have backslashes."""

_LIFE: Final = frozenset(
    f"response.{word}" for word in ("created", "queued", "in_progress", "completed", "incomplete", "failed")
)

_ENCRYPTED: Final = "reasoning.encrypted_content"
_NULL: Final = b"null"


class Turn(msgspec.Struct, frozen=True):
    """What a call added: two lists of items, as they were written."""

    input: msgspec.Raw
    output: msgspec.Raw


read_turn: Final = msgspec.json.Decoder(Turn).decode
_items: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_words: Final = msgspec.json.Decoder(list[Any]).decode


class ResponsesKeeping:
    """`Keeping`, for `/responses`."""

    def opened(
        self, body: bytes, before: Conversation | None, items: Mapping[str, bytes], /
    ) -> tuple[bytes, bytes, bool]:
        found = members(body)
        added = own_items(found)
        is_kept = wants_keeping(found)
        if before is None and not is_kept and not items:
            return body, added, False
        changed: dict[str, bytes] = {}
        if before is not None or items:
            found.pop(PREVIOUS, None)
            try:
                earlier = [] if before is None else list(carried(before))
                added = resolved(added, items, earlier) if items else added
                changed["input"] = b"[%b]" % b",".join(filter(None, [*map(_inside, earlier), _inside(added)]))
            except (ValueError, RecursionError):
                param = "input" if before is None else PREVIOUS
                raise Malformed(
                    "The earlier answer cannot be gone on with: it is nested too deep.", param=param
                ) from None
        if not is_kept and before is None:
            return _written(found, changed), added, False
        if (include := _with_reasoning(found)) is not None:
            changed["include"] = include
        return (_written(found, changed) if changed else body), added, is_kept

    def told(self, data: bytes, said: Said, /, *, streamed: bool) -> bytes:
        if not streamed:
            return _told(data, said) or data
        if _MARK not in data:
            return data
        pieces: list[bytes] = []
        for event in events_in(data):
            told = _told_event(event.data, said)
            pieces.append(event.raw if told is None else told)
        return b"".join(pieces)

    def closed(self, data: bytes, added: bytes, said: Said, /, *, streamed: bool) -> tuple[bytes, bytes] | None:
        body = forms.as_body(data, b"") if streamed else data
        if body is None or not forms.has_ended(body):
            return None
        whole = _told(body, said)
        found = None if whole is None else members(whole)
        if whole is None or found is None or bytes(memoryview(found.get("output", b""))[:1]) != b"[":
            return None
        output = bytes(found["output"])
        head = replaced(whole, {places(whole, found)["output"]: b"[]"})
        return b'{"input":%b,"output":%b}' % (added, output), head

    def item_places(self, turn: bytes, /) -> Sequence[ItemPlace]:
        try:
            return places_in(turn)
        except (Malformed, ValueError, RecursionError):
            return ()  # it can be gone on with as a whole

    def body(self, found: Conversation, /) -> bytes:
        where = places(found.head, members(found.head))
        return replaced(found.head, {where["output"]: bytes(read_turn(found.turns[-1]).output)})

    def events(self, found: Conversation, after: int, /) -> bytes:
        made = forms.as_events(self.body(found))
        events = b"" if made is None else made[0]
        return b"".join([one.raw for one in events_in(events)[after + 1 :]])

    def inputs(self, found: Conversation, query: Mapping[str, str], /) -> bytes:
        page = page_asked(query)
        try:
            turns = [read_turn(one) for one in found.turns]
            lists = [bytes(one) for turn in turns for one in (turn.input, turn.output)]
            return listed(lists[:-1], found.id, page)  # the last one is what it said itself
        except (ValueError, RecursionError):
            raise Malformed("The items cannot be listed: they are nested too deep.", param="response_id") from None


def wants_keeping(found: Members) -> bool:
    """Whether the answer to this body is to be kept. One that is made in the background is none yet."""
    return bytes(found.get("store", _NULL)) != b"false" and bytes(found.get("background", _NULL)) != b"true"


def own_items(found: Members) -> bytes:
    """The body's own input as a list of items."""
    said = bytes(found.get("input", _NULL))
    if said[:1] == b'"':
        part = b'{"type":"input_text","text":%b}' % said
        return b'[{"type":"message","role":"user","content":[%b]}]' % part
    return said if said[:1] == b"[" else b"[]"


def carried(before: Conversation) -> Iterable[bytes]:
    """The lists of items of all turns, as a later call sends them."""
    for one in map(read_turn, before.turns):
        yield bytes(one.input)
        yield _without_bare_thoughts(bytes(one.output))


def _without_bare_thoughts(output: bytes) -> bytes:
    """Without reasoning that no vendor could make anything of."""
    if b'"reasoning"' not in output:
        return output
    kept = [raw for raw in _items(output) if not is_bare(raw)]
    return b"[%b]" % b",".join(map(bytes, kept))


def _inside(items: bytes) -> bytes:
    """What stands between a list's brackets."""
    return items.strip()[1:-1].strip()


def _with_reasoning(found: Members) -> bytes | None:
    """`include` with what a later call needs of the reasoning; None where it is there already, or nothing is known of reasoning."""
    if bytes(memoryview(found.get("reasoning", _NULL))[:1]) != b"{":
        return None
    said = found.get("include", msgspec.Raw(_NULL))
    words = [] if bytes(said) == _NULL else _words(said)
    return None if _ENCRYPTED in words else write_json([*words, _ENCRYPTED])


def _written(found: Members, changed: dict[str, bytes]) -> bytes:
    values = {**{name: bytes(raw) for name, raw in found.items()}, **changed}
    return b"{%b}" % b",".join([write_json(name) + b":" + value for name, value in values.items()])


def _told_event(data: bytes, said: Said) -> bytes | None:
    """An event in which the answer speaks of itself as it is said; None for every other event."""
    if _MARK not in data:
        return None
    try:
        found = members(data)
        response = found.get("response")
        kind: str = msgspec.json.decode(found["type"]) if "type" in found else ""
        told = _told(bytes(response), said) if response is not None and kind in _LIFE else None
        if told is None:
            return None
        changed = replaced(data, {places(data, found)["response"]: told})
    except (Malformed, ValueError, TypeError):
        return None
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), changed.replace(b"\n", b" "))


def _told(response: bytes, said: Said) -> bytes | None:
    """An answer that speaks of itself as it is said; None where it cannot be read."""
    values = {
        "id": write_json(said.id),
        "store": b"true" if said.is_kept else b"false",
        PREVIOUS: write_json(said.earlier or None),
    }
    try:
        found = members(response)
        where = places(response, found)
    except Malformed:
        return None
    changed: dict[Place, bytes] = {where[name]: value for name, value in values.items() if name in where}
    told = replaced(response, changed).rstrip()
    more = b",".join([write_json(name) + b":" + value for name, value in values.items() if name not in where])
    return told[:-1] + (b"," if found and more else b"") + more + b"}"


KEEPING: Final = ResponsesKeeping()
