"""Citations of Converse as the hub's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from headworks.wire import hub
from headworks.wire.hub.values import CONVERSE

_PLACES: Final[Mapping[str, str]] = MappingProxyType(
    {"documentChar": "char", "documentPage": "page", "documentChunk": "block", "searchResultLocation": "block"}
)


def citation_of(said: Any) -> hub.Citation:
    """One citation; what it says stands in `extra`, too."""
    said = said if isinstance(said, dict) else {}
    location = said.get("location")
    kind, place = next(iter(location.items()), ("", {})) if isinstance(location, dict) else ("", {})
    place = place if isinstance(place, dict) else {}
    sources = said.get("sourceContent")
    texts = [one["text"] for one in sources if _has_text(one)] if isinstance(sources, list) else []
    return hub.Citation(
        url=_text(place.get("url")) or _text(said.get("source")),
        title=_text(said.get("title")),
        text="".join(texts),
        start=_number(place.get("start")),
        end=_number(place.get("end")),
        unit=_PLACES.get(kind, "answer"),
        document=_number(place.get("documentIndex")),
        extra={CONVERSE: said},
    )


def _has_text(one: Any) -> bool:
    return isinstance(one, dict) and isinstance(one.get("text"), str)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
