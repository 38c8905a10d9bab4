"""What is assumed of a vendor, and that it is said."""

import pytest

from headworks.twin.models.building import build_models
from tests.system.files import right

SYSTEM = """
providers: {v: {dialect: openai, base_url: "https://v" LIMIT}, sim: {dialect: simulated}, unused: {dialect: openai, base_url: "https://u"}}
models: {a: [{provider: v, model: m TARGET}, sim/x]}
"""


@pytest.mark.parametrize(
    ("limit", "target", "about"), [("", "", ["v"]), (", rpm: 100", "", []), ("", ", concurrency: 3", [])]
)
def test_a_vendor_without_a_limit_in_the_file_is_said_to_be_taken_as_endless(
    limit: str, target: str, about: list[str]
) -> None:
    made = build_models(right(SYSTEM.replace("LIMIT", limit).replace("TARGET", target)))
    assert [one.about for one in made.assumptions if "any number of calls" in one.assumed] == about
