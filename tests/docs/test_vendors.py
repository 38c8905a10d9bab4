"""`docs/vendors.md` says what the table of presets says."""

from tools.presets import PAGE, written


def test_the_tables_of_vendors_are_those_that_are_looked_up() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert written(text) == text, "run `python -m tools.presets`"
