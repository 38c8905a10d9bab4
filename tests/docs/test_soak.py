"""`docs/soak.md` names every file that has a long run."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_every_file_with_a_long_run_is_named_with_its_time() -> None:
    page = (ROOT / "docs" / "soak.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `tests/")]
    assert all(line.rstrip(" |").rpartition("|")[2].strip(" ()")[:1].isdigit() for line in rows)
    long = [file for file in sorted((ROOT / "tests").glob("**/test_*.py")) if "mark." + "soak" in file.read_text()]
    assert long
    named = "\n".join(rows)
    assert [str(file.relative_to(ROOT)) for file in long if str(file.relative_to(ROOT)) not in named] == []
