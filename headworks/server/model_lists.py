"""The list of models in the shape of the API whose client asks: Anthropic's where `anthropic-version` is sent, else OpenAI's.

A list of Anthropic's comes in pages: `limit`, and the id after or before which it goes on. Ids that are not there begin at the
beginning, as a reload may have taken them away.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs

import msgspec

from headworks.core.errors import Malformed
from headworks.http.request_parser import Request

VERSION: Final = b"anthropic-version"

USUAL: Final = 20
MOST: Final = 1000
"""Models of a page, and the most that may be asked for (https://platform.claude.com/docs/en/api/models/list)."""


class Model(msgspec.Struct, frozen=True):
    """An alias as OpenAI's `/v1/models` shows one."""

    id: str
    created: int
    object: str = "model"
    owned_by: str = "headworks"


class ModelList(msgspec.Struct, frozen=True):
    data: Sequence[Model]
    object: str = "list"


class ModelInfo(msgspec.Struct, frozen=True):
    """An alias as Anthropic's `/v1/models` shows one."""

    id: str
    display_name: str
    created_at: str
    type: str = "model"
    lifecycle: str = "active"


class ModelPage(msgspec.Struct, frozen=True):
    data: Sequence[ModelInfo]
    has_more: bool
    first_id: str | None
    last_id: str | None


def is_anthropic(request: Request) -> bool:
    return VERSION in request.names


def info(model: Model) -> ModelInfo:
    at = datetime.fromtimestamp(model.created, UTC).isoformat().replace("+00:00", "Z")
    return ModelInfo(id=model.id, display_name=model.id, created_at=at)


def page(models: Sequence[Model], query: str) -> ModelPage:
    """The page that a query asks for. Raises Malformed."""
    asked = parse_qs(query)
    limit = _limit(asked["limit"][0]) if "limit" in asked else USUAL
    ids = [model.id for model in models]
    start, end = 0, len(ids)
    if (after := asked.get("after_id", [""])[0]) in ids:
        start = ids.index(after) + 1
    is_backwards = (before := asked.get("before_id", [""])[0]) in ids
    if is_backwards:
        end = ids.index(before)
        start = max(start, end - limit)
    shown = models[start : min(end, start + limit)]
    has_more = start > 0 if is_backwards else start + limit < end
    return ModelPage(
        data=[info(model) for model in shown],
        has_more=has_more,
        first_id=shown[0].id if shown else None,
        last_id=shown[-1].id if shown else None,
    )


def _limit(said: str) -> int:
    if not (said.isascii() and said.isdecimal() and len(said) <= 4 and 1 <= int(said) <= MOST):
        raise Malformed(f"`limit` must be a whole number from 1 to {MOST}.", param="limit")
    return int(said)
