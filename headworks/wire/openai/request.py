"""A caller's body of chat completions: what policies need of it.

Always true: what is checked here is what we act on ourselves; the rest is the vendor's to judge.
"""

from __future__ import annotations

from headworks.core.call import PROMPT_PREFIX
from headworks.core.dialect import Asked
from headworks.core.errors import Malformed
from headworks.wire.members import members
from headworks.wire.openai import body as openai_body
from headworks.wire.openai.types import require_messages, require_types


def read_chat(body: bytes, path: str = "") -> Asked:
    """What a caller asks. Raises Malformed, with `param` where one field is the reason."""
    found = members(body)
    model = openai_body.read_model(found)
    if not model.startswith(PROMPT_PREFIX):  # a prompt brings its own
        openai_body.require_content(found, "messages", "send at least one message", listed=True)
    options = found.get("stream_options")
    include_usage = False
    if options is not None and bytes(options) != b"null":
        if bytes(options)[:1] != b"{":
            message = f"`stream_options` must be an object, not {openai_body.kind(options)}."
            raise Malformed(message, param="stream_options")
        inside = members(bytes(options), "stream_options")
        include_usage = openai_body.read_flag(inside, "include_usage", "stream_options.")
    # What is missing costs no call: a body has a few of these members, and each look by a function is 0.2 us.
    bound = openai_body.read_bound(found, "max_tokens") if "max_tokens" in found else None
    newer_bound = None
    if "max_completion_tokens" in found:
        newer_bound = openai_body.read_bound(found, "max_completion_tokens")
    if newer_bound is not None and (bound is None or newer_bound > bound):
        bound = newer_bound  # a vendor may read either: the larger one is what may come
    if "n" in found:
        openai_body.read_whole(found, "n")  # for its error alone: its readers ask the body
    asked = Asked(
        model=model,
        streamed=openai_body.read_flag(found, "stream"),
        include_usage=include_usage,
        max_output=bound,
        user=openai_body.read_user(found) if "user" in found or "safety_identifier" in found else None,
        session=openai_body.read_session(found) if "prompt_cache_key" in found or "conversation" in found else None,
    )
    require_types(found)
    if not model.startswith(PROMPT_PREFIX):
        require_messages(found["messages"])
    return asked
