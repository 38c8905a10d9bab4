"""The 404 for unknown paths: the paths that are served, and the one that was probably meant.

Always true: nothing here says which models there are, or what a key would open; the answer is a 404 whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from headworks.core.errors import UnknownPath

READ_ON: Final = "docs/operations.md, `Two ports`"

MOST_SHOWN: Final = 128
"""Characters of a path that the message repeats."""

KNOWN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "/": "This is a Headworks gateway: give an OpenAI client the address and /v1 as its `base_url`, an Anthropic client the address.",
        "/v1": "This is where the API begins: give an OpenAI client this address as its `base_url`, an Anthropic client the one without /v1.",
        "/metrics": "Metrics are on the admin port (`server.admin`), and need the admin key.",
    }
)
"""Paths that people try, and what to say first."""


PASSED_WORDS: Final = frozenset(
    {
        *(
            "files",
            "uploads",
            "batches",
            "vector_stores",
            "assistants",
            "threads",
            "fine_tuning",
            "evals",
            "containers",
        ),
        *("conversations", "videos", "realtime", "organization", "projects", "skills", "chatkit"),
    }
)
"""Where OpenAI's API begins for what is not served by a model's name (https://platform.openai.com/docs/api-reference)."""


def word_of(path: str) -> str:
    """The first part of a path below `/v1`; "" for another path."""
    return path[4:].partition("/")[0] if path.startswith("/v1/") else ""


def unserved(method: str, path: str, posts: Iterable[str], gets: Iterable[str]) -> UnknownPath:
    """The error for a path that is not among those that take POST, or GET."""
    served = [("POST", one) for one in posts] + [("GET", one) for one in gets] + [("GET", "/v1/models/{id}")]
    said = f"{method} {path[:MOST_SHOWN]} is not served here."
    if hint := KNOWN.get(path.rstrip("/") or "/") or _misplaced(path, [one for _, one in served]):
        said = f"{said} {hint}"
    if (word := word_of(path)) in PASSED_WORDS:
        said = f"{said} (To pass it to a provider of OpenAI's dialect: `passthrough: {{{word}: PROVIDER}}` in the system file.)"
    listed = ", ".join(f"{asked} {one}" for asked, one in served)
    return UnknownPath(f"{said} What is served: {listed}. Where to read on: {READ_ON}.")


def _misplaced(path: str, served: Sequence[str]) -> str:
    """A hint for a path with `/v1` twice, without it, or with a slash at its end."""
    plain = path.rstrip("/")
    for meant in served:
        if plain == meant:
            return f"Did you mean {meant}, without the slash at its end?"
        if plain == f"/v1{meant}":
            return f"Did you mean {meant}? The client's `base_url` ends with /v1 once."
        if f"/v1{plain}" == meant:
            return f"Did you mean {meant}? The client's `base_url` ends with /v1."
    return ""
