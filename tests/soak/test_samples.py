"""Every sample of `docs/` is what its command prints today."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.samples import PAGES, difference, told

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_its_commands_print(page: Path) -> None:
    assert difference(page.read_text(encoding="utf-8"), told(page)) == []
