"""Base URLs at well-known hosts: which path is meant."""

import pytest

from headworks.wire.hosts import right_base_url
from headworks.wire.presets import PRESETS


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://api.openai.com", "https://api.openai.com/v1"),
        ("https://api.openai.com/", "https://api.openai.com/v1"),
        ("https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1"),
        ("https://API.OpenAI.com/v2", "https://api.openai.com/v1"),
        ("https://api.groq.com/v1", "https://api.groq.com/openai/v1"),
        ("https://openrouter.ai/v1", "https://openrouter.ai/api/v1"),
        ("https://api.deepseek.com/v2", "https://api.deepseek.com/v1"),
    ],
)
def test_a_wrong_path_at_a_known_host_has_a_right_one(written: str, meant: str) -> None:
    assert right_base_url("openai", written) == meant


@pytest.mark.parametrize(
    "written",
    [
        "https://api.openai.com/v1",
        "https://api.openai.com/v1/",
        "https://api.deepseek.com",
        "http://127.0.0.1:8000",
        "x",
    ],
)
def test_a_right_path_and_an_unknown_host_say_nothing(written: str) -> None:
    assert right_base_url("openai", written) is None


def test_each_path_of_the_table_is_right() -> None:
    for preset in PRESETS:
        for host, paths in preset.hosts.items():
            assert [right_base_url("openai", f"https://{host}{path}") for path in paths] == [None] * len(paths)
            assert preset.speaks != "openai" or right_base_url(preset.word, preset.base_url) is None


@pytest.mark.parametrize("dialect", ["another", "anthropic"])
def test_a_dialect_that_is_not_openais_is_not_looked_at(dialect: str) -> None:
    assert right_base_url(dialect, "https://api.openai.com") is None
