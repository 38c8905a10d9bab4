"""Every form in which a vendor states what was used is read, and the page shows the table that is read by."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from headworks.core.money import Price, Rates
from headworks.core.reply import Usage
from headworks.wire.openai.answer import decoded
from headworks.wire.usage_forms import USAGE_FORMS, UsageForm

PAGE = Path(__file__).parents[2] / "docs/compatibility.md"
CLASSES = {
    "input": "input",
    "cached_input": "cached",
    "cache_write": "written to a cache",
    "audio_input": "heard",
    "output": "output",
    "reasoning": "reasoning",
    "audio_output": "spoken",
}


@pytest.mark.parametrize("form", USAGE_FORMS, ids=lambda form: form.vendors)
def test_a_vendors_form_is_read(form: UsageForm) -> None:
    said = decoded(form.said.encode()).said()
    assert said is not None
    assert said.usage(is_answer=form.is_answer) == form.read
    assert form.source.startswith("https://")


def test_cached_tokens_at_the_top_level_cost_what_cached_tokens_cost() -> None:
    """Moonshot's form: 19,000 in, 10,000 of them cached, 21 out."""
    price = Price(rates=Rates(input=1_000_000_000, cached_input=100_000_000, output=10_000_000_000))
    [form] = [form for form in USAGE_FORMS if "Moonshot, StepFun" in form.vendors]
    said = decoded(form.said.encode()).said()
    assert said is not None
    usage = said.usage()
    assert usage is not None
    assert price.cost(usage) == 10_210_000


def row(form: UsageForm) -> str:
    counts = [(name, getattr(form.read, name)) for name in CLASSES]
    read = ", ".join(f"{count:,} {CLASSES[name]}" for name, count in counts if count)
    said = msgspec.json.decode(form.said)
    shown = {name: value for name, value in said.items() if name != "choices"}
    if not shown:
        shown = {"choices": [{"usage": said["choices"][0]["usage"]}]}
    text = msgspec.json.encode(shown).decode().replace(",", ", ").replace(":", ": ")
    return f"| [{form.vendors}]({form.source}) | `{text}` | {read} | {form.note} |"


def test_the_page_shows_this_table() -> None:
    section = PAGE.read_text().partition("\n## Usage\n")[2].partition("\n### ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ") and "](https://" in line]
    assert rows == [row(form) for form in USAGE_FORMS], "write the rows of `row(form)` into docs/compatibility.md"


def test_the_table_has_every_class_of_tokens() -> None:
    for name in set(Usage.__struct_fields__) - {"cache_write_1h"}:  # Anthropic's own API alone has that
        assert any(getattr(form.read, name) for form in USAGE_FORMS)
