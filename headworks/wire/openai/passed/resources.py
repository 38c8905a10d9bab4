"""The ids in what passes through: those that a request names, those that an answer makes, and lists of them.

Theory. The first part of a path behind its word is an id (`/files/ID/content`), unless it is the name of a part of the API (`/threads/runs`).
What stands below an id belongs with it. A body names ids in a few members (`REFERENCES`). A body that two readers may read in two ways
could name one id to us and another one to the vendor, so a name that stands twice in one object is refused.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any, Final, TypeGuard
from urllib.parse import quote, unquote

import msgspec

from headworks.core.errors import Garbled, Malformed, TooLarge
from headworks.core.passage import OwnedId, Passage
from headworks.wire.openai.passed import multipart

PARTS: Final = frozenset({"jobs", "runs", "checkpoints", "graders", "alpha"})
"""Parts of paths that are no ids (https://platform.openai.com/docs/api-reference)."""

REFERENCES: Final = frozenset(
    {
        *("input_file_id", "file_id", "file_ids", "training_file", "validation_file", "vector_store_id"),
        *("vector_store_ids", "assistant_id", "thread_id", "batch_id", "container_id", "input_reference"),
    }
)
"""Members of a body that name what was made earlier."""

MOST_ID: Final = 256
MOST_REFERENCES: Final = 2000
BATCH_OUTPUT: Final = "batch_output"

MOST_JSON: Final = 4_000_000
"""Bytes of a body that are read for ids: as objects they take up to 25 times as much memory."""

MOST_LIST: Final = 8_000_000
"""Bytes of a list: 10,000 files, the most that OpenAI gives at once, have 3 MB."""

_MULTIPART: Final = "multipart/"

_FREE_FORM: Final = "metadata"
"""A member whose content is the caller's own."""


class _Item(msgspec.Struct):
    id: Any = None
    object: Any = None
    output_file_id: Any = None
    error_file_id: Any = None
    thread_id: Any = None
    file: Any = None
    result_files: Any = None


class _Named(msgspec.Struct):
    id: Any = None


_NAMED: Final = msgspec.json.Decoder(_Named)
_ITEM: Final = msgspec.json.Decoder(_Item)
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])


def is_id(value: Any) -> TypeGuard[str]:
    """Whether a value may be an id. Stores cannot take every text."""
    return isinstance(value, str) and 0 < len(value) <= MOST_ID and value.isascii() and value.isprintable()


def id_in(path: str) -> str:
    """The id that a path is about; "" for a path of a whole collection."""
    return next((one for one in path.removeprefix("/").split("/")[1:] if one not in PARTS), "")


def below(path: str, id: str) -> Sequence[str]:
    """The parts of the path behind that id, which may be ids too."""
    parts = path.removeprefix("/").split("/")[1:]
    return parts[parts.index(id) + 1 :] if id else ()


def references(passage: Passage, body: bytes) -> list[str]:
    """The ids that a body names. Raises Malformed where that cannot be told for certain."""
    if not body:
        return []
    found: list[str] = []
    if passage.content_type.lower().startswith(_MULTIPART):
        if not multipart.is_multipart(body):
            raise Malformed("The body does not begin as a form does: with `--` and its boundary.")
        found = [multipart.text(body, place, name) for name, place in multipart.fields(body, REFERENCES).items()]
    else:
        waiting: list[Any] = [_parsed(body)]
        while waiting:
            one = waiting.pop()
            if isinstance(one, list):
                waiting += one
            elif isinstance(one, dict):
                for name, value in one.items():
                    if name in REFERENCES:
                        found += _texts(value)
                    if name != _FREE_FORM:
                        waiting.append(value)
    if len(found) > MOST_REFERENCES:
        raise Malformed(
            f"The body names {len(found)} files and other things, and at most {MOST_REFERENCES} are looked up."
        )
    if not all(one == "" or is_id(one) for one in found):
        raise Malformed(f"An id in the body is none: it may have up to {MOST_ID} letters, digits and signs.")
    return list(dict.fromkeys(found))


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _parsed(body: bytes) -> Any:
    if len(body) > MOST_JSON:
        raise TooLarge(f"The body has {len(body)} bytes, and of JSON at most {MOST_JSON} are taken here.")
    try:
        return json.loads(body.decode(), object_pairs_hook=_once, parse_int=_number, parse_float=_number)
    except (ValueError, RecursionError):
        raise Malformed("The body is no JSON, or a name stands twice in one of its objects.") from None


def _number(_: str) -> None:
    """Numbers are not looked at: a long one would take long to read."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def made(body: bytes, key: str) -> list[OwnedId]:
    """The ids that the answer to a POST makes: the key's from now on."""
    item = _item(body)
    if item is None:
        return []
    inside = item.file.get("id") if isinstance(item.file, dict) else None
    found = [one for one in (item.id, item.thread_id, inside) if is_id(one)]
    return [OwnedId(one, key) for one in dict.fromkeys(found)] + outputs(body, key)


def outputs(body: bytes, key: str) -> list[OwnedId]:
    """The files that a batch or a training has made, as its JSON says."""
    item = _item(body)
    if item is None:
        return []
    found = dict.fromkeys(_texts(item.result_files), "")
    if isinstance(item.error_file_id, str):
        found[item.error_file_id] = ""
    if isinstance(item.output_file_id, str):
        found[item.output_file_id] = BATCH_OUTPUT if item.object == "batch" else ""
    return [OwnedId(one, key, kind) for one, kind in found.items() if is_id(one)]


def _item(body: bytes) -> _Item | None:
    try:
        return _ITEM.decode(body)
    except (ValueError, RecursionError):
        return None


class Listed:
    """A list of things, as an answer has it. Raises Garbled where it is none: nobody could say whose they are."""

    def __init__(self, body: bytes) -> None:
        if len(body) > MOST_LIST:
            raise Garbled(f"The vendor's list has {len(body)} bytes, and at most {MOST_LIST} are read.")
        try:
            self._members = _OBJECT.decode(body)
            self._items = [(_id(raw), raw) for raw in _ITEMS.decode(self._members["data"])]
            self.has_more = bool(msgspec.json.decode(self._members.get("has_more", b"false"))) and bool(self.ids)
        except (KeyError, ValueError, RecursionError):
            raise Garbled(
                "The vendor's answer is no list as OpenAI has it, so it cannot be told whose its items are."
            ) from None

    @property
    def ids(self) -> list[str]:
        """The ids of its items."""
        return [id for id, _ in self._items if id]

    def outputs(self, ids: Collection[str]) -> list[OwnedId]:
        """The files that those of its batches have made. They have no key yet."""
        return [one for id, raw in self._items if id and id in ids for one in outputs(raw, "")]

    def of(self, ids: Collection[str]) -> bytes:
        """The list with those items alone."""
        kept = [(id, raw) for id, raw in self._items if id and id in ids]
        members = {**self._members, "data": msgspec.Raw(msgspec.json.encode([raw for _, raw in kept]))}
        for name, at in (("first_id", 0), ("last_id", -1)):
            if name in members:
                members[name] = msgspec.Raw(msgspec.json.encode(kept[at][0] if kept else None))
        return msgspec.json.encode(members)


def _id(item: bytes) -> str:
    """The id of an item; "" where it has none."""
    try:
        id = _NAMED.decode(item).id
    except (ValueError, RecursionError):
        return ""
    return id if is_id(id) else ""


def after(query: str, id: str) -> str:
    """The query for the page behind that item."""
    kept = [one for one in query.split("&") if one and unquote(one.partition("=")[0]) != "after"]
    return "&".join([*kept, f"after={quote(id, safe='')}"])
