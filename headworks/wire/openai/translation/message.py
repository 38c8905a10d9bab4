"""What a message of an answer has beside its text: citations, pictures and sound, to and from the hub's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from headworks.wire import hub
from headworks.wire.hub.values import CHAT, merged, only, own
from headworks.wire.openai.translation.content import image_url, parts_of


def citations_of(said: Sequence[Any]) -> list[hub.Citation]:
    """The citations in `annotations`; each keeps what it was read from."""
    found = []
    for one in said:
        inside = one.get("url_citation") if isinstance(one, dict) else None
        inside = inside if isinstance(inside, dict) else {}
        found.append(
            hub.Citation(
                url=text_in(inside, "url"),
                title=text_in(inside, "title"),
                text=text_in(inside, "content"),  # OpenRouter
                start=_place(inside, "start_index"),
                end=_place(inside, "end_index"),
                extra={CHAT: {"annotation": one}},
            )
        )
    return found


def annotation_of(citation: hub.Citation, start: int, end: int) -> Any:
    """The annotation, or None where it cites no address: chat knows no other. start, end: of the text that has it, in the
    whole content, where the citation does not say more closely."""
    if (said := own(citation.extra, CHAT).get("annotation")) is not None:
        return said
    if not citation.url:
        return None
    if citation.unit == "answer" and citation.start >= 0:
        start, end = citation.start, citation.end
    inside = {"url": citation.url, "title": citation.title, "start_index": start, "end_index": end}
    return {"type": "url_citation", "url_citation": inside}


def images_of(said: Any) -> tuple[hub.Image, ...] | None:
    """The pictures in `images` (OpenRouter); None if it holds anything else."""
    parts = parts_of(said) if isinstance(said, list) else ()
    images = tuple([part for part in parts if isinstance(part, hub.Image)])
    return images if images and len(images) == len(parts) else None


def written_images(images: Iterable[hub.Image]) -> list[Any]:
    return [merged({"type": "image_url", "image_url": image_url(one)}, own(one.extra, CHAT)) for one in images]


def audio_of(said: Any) -> hub.Audio | None:
    """Sound of the model's; None where it says nothing."""
    if not isinstance(said, dict) or not said:
        return None
    rest = {name: value for name, value in said.items() if value is not None}
    data = rest.pop("data") if isinstance(rest.get("data"), str) else None
    id = rest.pop("id") if isinstance(rest.get("id"), str) else ""
    transcript = rest.pop("transcript") if isinstance(rest.get("transcript"), str) else ""
    expires_at = rest.pop("expires_at") if isinstance(rest.get("expires_at"), int) else None
    source = None if data is None else hub.Inline(data)
    return hub.Audio(source=source, id=id, transcript=transcript, expires_at=expires_at, extra=only(CHAT, rest))


def written_audio(part: hub.Audio | hub.AudioDelta) -> dict[str, Any]:
    if isinstance(part, hub.AudioDelta):
        data = part.data or None
    else:
        data = part.source.data if isinstance(part.source, hub.Inline) else None
    said = {
        "id": part.id or None,
        "data": data,
        "transcript": part.transcript or None,
        "expires_at": part.expires_at,
    }
    return merged({name: value for name, value in said.items() if value is not None}, own(part.extra, CHAT))


def text_in(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _place(said: dict[str, Any], name: str) -> int:
    value = said.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
