"""Which models there are, as Gemini's API lists them: `GET /v1beta/models`, and one of them.

Fields as google-genai 2.34.0 types them (`types.Model`, read 2026-11-30). What an alias admits is its targets' to say: no limits are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qs

import msgspec

from headworks.core.errors import Malformed

MODELS: Final = "/v1beta/models"
MODEL: Final = "/v1beta/models/"

MOST: Final = 1000
"""Models of one page, as at Google."""

METHODS: Final = ("generateContent", "countTokens", "embedContent", "batchEmbedContents")


class Model(msgspec.Struct, frozen=True, rename="camel"):
    """An alias. Whether it answers or embeds its targets know: every method is named."""

    name: str
    display_name: str
    version: str = "1"
    description: str = ""
    supported_generation_methods: tuple[str, ...] = METHODS


class ModelList(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    models: Sequence[Model]
    next_page_token: str = ""


def shown(alias: str) -> Model:
    return Model(name=f"models/{alias}", display_name=alias)


def page(aliases: Sequence[str], query: str) -> ModelList:
    """The models that a query asks for (`pageSize`, `pageToken`: where the page begins). Raises Malformed."""
    asked = parse_qs(query)
    size = min(_number(asked, "pageSize", MOST) or MOST, MOST)
    start = _number(asked, "pageToken", 0)
    token = str(start + size) if start + size < len(aliases) else ""
    return ModelList([shown(alias) for alias in aliases[start : start + size]], token)


def _number(asked: dict[str, list[str]], name: str, default: int) -> int:
    said = asked.get(name, [""])[-1]
    if not said:
        return default
    if not (said.isascii() and said.isdecimal() and len(said) < 10):
        raise Malformed(f"`{name}` must be a whole number.", param=name)
    return int(said)
