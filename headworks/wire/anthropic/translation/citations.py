"""Citations to and from the hub's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from headworks.wire import hub
from headworks.wire.hub.values import MESSAGES, own

_UNITS: Final[Mapping[str, tuple[str, str]]] = {
    "char_location": ("char", "char_index"),
    "page_location": ("page", "page_number"),
    "content_block_location": ("block", "block_index"),
    "search_result_location": ("block", "block_index"),
}
"""The hub's word for what a location counts in, and how its two members end."""


def citations_of(said: Sequence[Any]) -> tuple[hub.Citation, ...]:
    """Each keeps what it was read from."""
    return tuple([citation_of(one) for one in said])


def citation_of(said: Any) -> hub.Citation:
    inside = said if isinstance(said, dict) else {}
    unit, place = _UNITS.get(str(inside.get("type")), ("answer", ""))
    return hub.Citation(
        url=_text(inside, "url") or _text(inside, "source"),
        title=_text(inside, "document_title") or _text(inside, "title"),
        text=_text(inside, "cited_text"),
        start=_number(inside, f"start_{place}"),
        end=_number(inside, f"end_{place}"),
        unit=unit,
        document=_number(inside, "document_index"),
        extra={MESSAGES: {"citation": said}},
    )


def written_citation(citation: hub.Citation) -> Any:
    """The citation, or None where it cites no address: what a document of another API was is not known here."""
    if (said := own(citation.extra, MESSAGES).get("citation")) is not None:
        return said
    if not citation.url:
        return None
    return {
        "type": "web_search_result_location",
        "cited_text": citation.text,
        "encrypted_index": "",
        "title": citation.title or None,
        "url": citation.url,
    }


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _number(said: Mapping[str, Any], name: str) -> int:
    value = said.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
