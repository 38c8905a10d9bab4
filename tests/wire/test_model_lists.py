"""Lists of models, as each vendor's API has them."""

from __future__ import annotations

import pytest

from headworks.gateway.leaves import DIALECTS
from headworks.wire.model_lists import ids_in, list_path


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        (b'{"object":"list","data":[{"id":"a","object":"model"},{"id":"b"}]}', {"a", "b"}),
        (b'{"data":[{"type":"model","id":"claude","display_name":"C"}],"has_more":false}', {"claude"}),
        (b'{"models":[{"name":"models/gemini","version":"1"}],"nextPageToken":"x"}', {"models/gemini"}),
        (b'{"data":[]}', set()),
        (b'{"error":{}}', None),
        (b"<html>", None),
        (b"[" * 5000, None),
    ],
)
def test_the_ids_of_a_list(body: bytes, ids: set[str] | None) -> None:
    assert ids_in(body) == ids


def test_where_a_vendor_has_its_list() -> None:
    assert {word: list_path(dialect) for word, dialect in DIALECTS.items()} == {
        "openai": b"/models",
        "azure": b"/models",
        "anthropic": b"/models?limit=1000",
        "gemini": b"/models?pageSize=1000",
        "vertex": b"/models?pageSize=1000",
        "bedrock": None,
    }
