"""A body of too many parts is not told to another API: it would hold the loop."""

from __future__ import annotations

import pytest

from headworks.core.errors import Malformed
from headworks.wire.density import MOST_PARTS, MOST_QUOTES, is_dense, require_sparse


@pytest.mark.parametrize(
    ("body", "dense"),
    [
        (b"[" + b"{}," * (MOST_PARTS - 2) + b"{}]", False),
        (b"[" + b"{}," * MOST_PARTS + b"{}]", True),
        (b"[" * (MOST_PARTS + 1), True),
        (b'["%b"]' % (b"{[" * MOST_PARTS), False),
        (rb'["a\"%b\\",{}]' % (b"{[" * MOST_PARTS), False),
        (rb'["a\\",%b{}]' % (b"{}," * MOST_PARTS), True),
        (b'["%b",%b""]' % (b"{" * MOST_PARTS, b'"",' * (MOST_QUOTES // 2)), True),
    ],
)
def test_objects_and_lists_count_but_not_their_signs_in_a_text(body: bytes, dense: bool) -> None:
    assert is_dense(body) == dense


def test_another_target_may_take_it() -> None:
    require_sparse(b"[]")
    with pytest.raises(Malformed, match="more than 50000") as caught:
        require_sparse(b"[" * (MOST_PARTS + 1))
    assert caught.value.retry == "elsewhere"
