"""The smallest prompts that vendors cache, as their pages say."""

import pytest

from headworks.wire.prompt_caching import RULES, Rules


@pytest.mark.parametrize(
    ("rules", "model", "tokens"),
    [
        ("openai", "gpt-5-mini", 1024),
        ("anthropic", "claude-sonnet-4-5", 1024),
        ("anthropic", "claude-opus-4-8", 1024),
        ("anthropic", "claude-opus-4-5-20251101", 4096),
        ("anthropic", "anthropic.claude-haiku-4-5-v1:0", 4096),
        ("anthropic", "Claude-3-5-Haiku", 2048),
        ("gemini", "gemini-2.5-pro", 2048),
        ("gemini", "gemini-3.5-flash", 4096),
        ("deepseek", "deepseek-chat", 64),
    ],
)
def test_the_smallest_prompt_depends_on_vendor_and_model(rules: Rules, model: str, tokens: int) -> None:
    assert RULES[rules].smallest_for(model) == tokens


def test_what_is_read_from_a_cache_costs_less_than_what_is_not_and_what_is_written_no_less() -> None:
    for rules in RULES.values():
        assert 0 < rules.read < 1 <= rules.write <= rules.write_long
        assert rules.smallest % rules.step == 0
