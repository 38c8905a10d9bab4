"""A caller's body of Responses: what policies need of it.

Always true: what is checked here is what we act on ourselves; the rest is the vendor's to judge. What names an earlier answer is
refused with the way out, unless answers are kept (`Asked.unkept`).
"""

from __future__ import annotations

from typing import Final

import msgspec

from headworks.core.call import PROMPT_PREFIX
from headworks.core.dialect import Asked
from headworks.core.errors import Malformed, Unkept
from headworks.wire.members import Members, members
from headworks.wire.openai import body as openai_body
from headworks.wire.openai.body import kind
from headworks.wire.openai.responses.references import REFERENCE, references_in

BOUND: Final = "max_output_tokens"
PREVIOUS: Final = "previous_response_id"
_NULL: Final = b"null"
_OPTIONAL_STRING: Final = msgspec.json.Decoder(str | None).decode

_KINDS: Final = {
    "instructions": (b'"n', "a string"),
    "tools": (b"[n", "a list"),
    "text": (b"{n", "an object"),
    "reasoning": (b"{n", "an object"),
    "include": (b"[n", "a list"),
    "tool_choice": (b'"{n', "a string or an object"),
    "temperature": (b"-0123456789n", "a number"),
    "top_p": (b"-0123456789n", "a number"),
}
"""How a field's value may begin, and what that is in words."""


def read_responses(body: bytes, path: str = "") -> Asked:
    """What a caller asks. Raises Malformed, with `param` where one field is the reason."""
    found = members(body)
    model = openai_body.read_model(found)
    if not model.startswith(PROMPT_PREFIX):  # a prompt brings its own
        _require_input(body, found)
    if "conversation" in found and bytes(found["conversation"]) != _NULL:
        raise Malformed(
            "`conversation` names a conversation that OpenAI keeps, and this gateway has none of these. Send the earlier turns in `input`, "
            "or go on from an answer by `previous_response_id` where the system file has `responses: {store: 30d}`.",
            param="conversation",
        )
    unkept = _unkept(body, found) if PREVIOUS in found or REFERENCE in body else None
    for name in found.keys() & _KINDS.keys():
        firsts, wanted = _KINDS[name]
        if memoryview(found[name])[0] not in firsts:
            raise Malformed(f"`{name}` must be {wanted}, not {kind(found[name])}.", param=name)
    openai_body.read_flag(found, "store")
    openai_body.read_flag(found, "background")
    return Asked(
        model=model,
        streamed=openai_body.read_flag(found, "stream"),
        include_usage=True,  # the last event has the tokens, whether anybody asks or not
        max_output=openai_body.read_bound(found, BOUND) if BOUND in found else None,
        user=openai_body.read_user(found) if "user" in found or "safety_identifier" in found else None,
        unkept=unkept,
        session=openai_body.read_session(found) if "prompt_cache_key" in found or "conversation" in found else None,
    )


def _unkept(body: bytes, found: Members) -> Unkept | None:
    """The refusal of a body that goes on from an earlier answer or refers to its items, for a gateway that keeps none."""
    named = openai_body.read_field(found, PREVIOUS, _OPTIONAL_STRING, "a string") if PREVIOUS in found else None
    at, ids = references_in(found["input"]) if REFERENCE in body and "input" in found else (0, [])
    if ids:
        return Unkept.naming(
            named or "",
            f"`input[{at}]` refers to an item of an earlier answer by its id, and this gateway and its vendors keep none. Send the "
            "item itself, as it came. SDKs do so with `store: false` (Vercel AI SDK: `providerOptions: {openai: {store: false}}`). "
            "(To keep answers: `responses: {store: 30d}` in the system file.)",
            "input",
            ids,
        )
    if named is None:
        return None
    return Unkept.naming(
        named,
        f"`{PREVIOUS}` names an earlier answer that is kept, and this gateway keeps none. Send the earlier turns in `input`, with their "
        "reasoning items as they came. (To keep answers: `responses: {store: 30d}` in the system file.)",
        PREVIOUS,
    )


def _require_input(body: bytes, found: Members) -> None:
    raw = found.get("input")
    if raw is None:
        if "prompt" not in found:
            raise Malformed("`input` is missing: send a string, or a list of items.", param="input")
        return
    first = bytes(memoryview(raw)[:1])
    if first not in (b'"', b"["):
        raise Malformed(f"`input` must be a string or a list, not {kind(raw)}.", param="input")
    openai_body.require_content(found, "input", "send a string, or at least one item", listed=False)
