"""The list of models in Anthropic's shape: pages, and what is no page."""

from __future__ import annotations

import pytest

from headworks.core.errors import Malformed
from headworks.server.model_lists import Model, info, page

MODELS = [Model(id=name, created=1_800_000_000) for name in "abcde"]


@pytest.mark.parametrize(
    ("query", "shown", "has_more"),
    [
        ("", "abcde", False),
        ("limit=2", "ab", True),
        ("limit=2&after_id=b", "cd", True),
        ("limit=2&after_id=c", "de", False),
        ("after_id=e", "", False),
        ("after_id=nobody", "abcde", False),
        ("limit=2&before_id=d", "bc", True),
        ("limit=2&before_id=c", "ab", False),
        ("limit=1000&beta=true", "abcde", False),
    ],
)
def test_a_page_is_where_its_query_says(query: str, shown: str, has_more: bool) -> None:
    found = page(MODELS, query)
    assert "".join([model.id for model in found.data]) == shown
    assert found.has_more == has_more
    assert (found.first_id, found.last_id) == ((shown[0], shown[-1]) if shown else (None, None))


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "many", "٣"])
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    with pytest.raises(Malformed) as caught:
        page(MODELS, f"limit={limit}")
    assert caught.value.param == "limit"


def test_a_model_says_since_when_it_is_there() -> None:
    assert info(MODELS[0]).created_at == "2027-01-15T08:00:00Z"
