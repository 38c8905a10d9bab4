"""Which paths may pass, and to whom."""

from __future__ import annotations

import pytest

from headworks.core.errors import ConfigError
from headworks.system.verdicts.constraints import check_served, judge_constraints
from tests.system.checks.test_keepalive import BEFORE, FILE
from tests.system.files import right, wrong

BASE = """
providers:
  v: {dialect: openai, base_url: "https://v/v1"}
  a: {dialect: azure, resource: me, api_key: "${env:KEY}"}
  g: {dialect: groq, api_key: "${env:KEY}"}
  c: {dialect: anthropic, api_key: "${env:KEY}"}
  s: {dialect: simulated}
models: {m: v/x, n: [a/x, g/x, c/x, s/x]}
"""


def test_a_path_passes_to_a_provider_of_openais_dialect() -> None:
    system = right(BASE + "passthrough: {files: v, batches: a, vector_stores: g}\n", env={"KEY": "k" * 20})
    assert system.passthrough == {"files": "v", "batches": "a", "vector_stores": "g"}


def test_a_provider_that_only_passes_through_is_used() -> None:
    right(
        'providers: {v: {dialect: openai, base_url: "https://v/v1"}, s: {dialect: simulated}}\nmodels: {m: s/x}\npassthrough: {files: v}\n'
    )


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("files: c", "passthrough.files: `c` speaks another dialect (`anthropic`), which has no such paths"),
        ("files: s", "passthrough.files: `s` speaks another dialect (`simulated`), which has no such paths"),
        ("files: w", "passthrough.files: there is no provider `w`"),
        ("chat: v", "passthrough.chat: /v1/chat is served by the model that a call names"),
        ("responses: v", "passthrough.responses: /v1/responses is served by the model that a call names"),
    ],
)
def test_other_providers_and_paths_that_are_served_are_refused(written: str, said: str) -> None:
    [found] = wrong(f"{BASE}passthrough: {{{written}}}\n", env={"KEY": "k" * 20})
    assert said in found
    assert " -> " in found


def test_a_file_without_it_has_the_digest_that_it_had() -> None:
    assert right(FILE + "passthrough: {}\n").digest == BEFORE
    assert (
        right(FILE.replace("simulated}", "openai, base_url: 'https://v'}") + "passthrough: {files: v}\n").digest
        != BEFORE
    )


def test_a_path_passes_to_nobody_who_does_not_meet_the_constraints() -> None:
    text = (
        'providers: {v: {dialect: openai, base_url: "https://v/v1"}, s: {dialect: simulated, region: eu}}\n'
        "models: {m: s/x}\nrequirements: {constraints: [{region: eu}]}\npassthrough: {files: v}\n"
    )
    said = r"`v` does not meet `requirements\.constraints`: `providers\.v` states no `region`"
    with pytest.raises(ConfigError, match=said):
        check_served(right(text))
    system = right(text.replace('/v1"}', '/v1", region: eu}'))
    assert [(one.target, one.verdict) for one in judge_constraints(system)] == [
        ("s/x", "holds"),
        ("/v1/files", "holds"),
    ]
