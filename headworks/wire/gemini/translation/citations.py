"""What an answer is grounded in (`groundingMetadata`, `citationMetadata`), to and from the hub's citations.

Ranges are counted in bytes of a part's text at Gemini, in characters at the hub.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from headworks.wire import hub

MOST: Final = 500
"""Citations that are told of one answer."""

LONGEST: Final = 100_000
"""Characters of a text, not all of them ASCII, in which ranges are counted anew: each costs a walk through it."""


def citations_of(said: dict[str, Any], texts: Sequence[str]) -> dict[int, list[hub.Citation]]:
    """The citations by the number of the text that they are of. texts: of the candidate, in their order."""
    found: dict[int, list[hub.Citation]] = {}
    if not texts:
        return found
    grounding = said.get("groundingMetadata")
    if isinstance(grounding, dict):
        _grounded(grounding, texts, found)
    cited = said.get("citationMetadata")
    if isinstance(cited, dict):
        for one in _objects(cited.get("citationSources") or cited.get("citations")):
            _add(found, texts, 0, one, {"uri": one.get("uri"), "title": one.get("title")})
    return found


def _grounded(grounding: dict[str, Any], texts: Sequence[str], found: dict[int, list[hub.Citation]]) -> None:
    chunks = _objects(grounding.get("groundingChunks"))
    supports = _objects(grounding.get("groundingSupports"))
    for support in supports[:MOST]:
        segment = support.get("segment")
        segment = segment if isinstance(segment, dict) else {}
        part = segment.get("partIndex")
        indices = support.get("groundingChunkIndices")
        for at in indices if isinstance(indices, list) else ():
            if type(at) is int and 0 <= at < len(chunks):
                _add(
                    found, texts, part if type(part) is int and 0 <= part < len(texts) else 0, segment, _web(chunks[at])
                )
    if not supports:
        for chunk in chunks[:MOST]:
            _add(found, texts, len(texts) - 1, {}, _web(chunk))


def _web(chunk: dict[str, Any]) -> dict[str, Any]:
    return next((one for name in ("web", "retrievedContext", "maps") if isinstance(one := chunk.get(name), dict)), {})


def _add(
    found: dict[int, list[hub.Citation]],
    texts: Sequence[str],
    at: int,
    place: dict[str, Any],
    source: dict[str, Any],
) -> None:
    known = found.setdefault(at, [])
    if len(known) >= MOST:
        return
    start, end = -1, -1
    text = texts[at]
    if type(place.get("endIndex")) is int and (text.isascii() or len(text) <= LONGEST):
        start, end = (_characters(text, place.get(name, 0)) for name in ("startIndex", "endIndex"))
    known.append(
        hub.Citation(
            url=_text(source.get("uri")),
            title=_text(source.get("title")),
            text=_text(place.get("text")),
            start=start,
            end=end,
        )
    )


def _characters(text: str, at: Any) -> int:
    if type(at) is not int or at <= 0:
        return 0
    if text.isascii():
        return min(at, len(text))
    return len(text.encode("utf-8", "surrogatepass")[:at].decode("utf-8", "ignore"))


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


# From the hub


def grounding_of(cited: Sequence[tuple[int, str, Sequence[hub.Citation]]]) -> dict[str, Any]:
    """`groundingMetadata` of citations: each text's number among the parts, the text, and what it cites. Empty where nothing names an
    address."""
    chunks: list[dict[str, Any]] = []
    places: dict[tuple[str, str], int] = {}
    supports: list[dict[str, Any]] = []
    for part, text, citations in cited:
        for citation in citations:
            if not citation.url:
                continue
            key = (citation.url, citation.title)
            if key not in places:
                places[key] = len(chunks)
                chunks.append({"web": {"uri": citation.url, "title": citation.title}})
            start, end = _range(citation, text)
            segment: dict[str, Any] = {"partIndex": part} if part else {}
            if start:
                segment["startIndex"] = _bytes(text, start)
            segment["endIndex"] = _bytes(text, end)
            supports.append({"segment": {**segment, "text": text[start:end]}, "groundingChunkIndices": [places[key]]})
    return {"groundingChunks": chunks, "groundingSupports": supports} if chunks else {}


def _range(citation: hub.Citation, text: str) -> tuple[int, int]:
    if citation.unit == "answer" and 0 <= citation.start <= citation.end <= len(text):
        return citation.start, citation.end
    return 0, len(text)


def _bytes(text: str, at: int) -> int:
    return at if text.isascii() else len(text[:at].encode("utf-8", "surrogatepass"))
