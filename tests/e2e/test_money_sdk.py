"""What the official SDK makes of our refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
from openai import OpenAI, RateLimitError

from tests.e2e.running import up

pytestmark = pytest.mark.e2e

SYSTEM = """
providers: {sim: {dialect: simulated, first_token: {p50: 1ms, p99: 2ms}, per_token: {p50: 0.1ms, p99: 0.2ms}}}
models: {assistant: {targets: sim/m, price: {input: $1/M, output: $1000/M}, max_output: 10}}
keys:
  quick: {key: secret-of-the-quick-one, rpm: 120}
  poor: {key: secret-of-the-poor-one, budget: {amount: $0.011, every: total}}
server: {listen: "127.0.0.1:PORT", admin: "127.0.0.1:0"}
log: {journal: journal, store: "sqlite:///ledger.db"}
"""
MESSAGES = [{"role": "user", "content": "Hello"}]


def test_the_sdk_waits_for_a_limit_and_gives_up_at_a_budget(tmp_path: Path) -> None:
    with up(tmp_path, SYSTEM) as running:
        url = f"{running.url}/v1"
        with OpenAI(base_url=url, api_key="secret-of-the-quick-one", max_retries=0, timeout=60) as impatient:
            answers = impatient.chat.completions.with_raw_response
            first = answers.create(model="assistant", messages=MESSAGES)  # type: ignore[arg-type]
            assert first.headers["x-ratelimit-limit-requests"] == "120"
            assert int(first.headers["x-ratelimit-remaining-requests"]) <= 119
            with pytest.raises(RateLimitError) as error:
                for _ in range(2000):
                    answers.create(model="assistant", messages=MESSAGES)  # type: ignore[arg-type]
            assert error.value.code == "rate_limit_exceeded"
            assert 0 < float(error.value.response.headers["retry-after-ms"]) <= 500
        with OpenAI(base_url=url, api_key="secret-of-the-quick-one", max_retries=5, timeout=60) as patient:
            for _ in range(3):  # each waits as long as it was told, and then is let in
                patient.chat.completions.create(model="assistant", messages=MESSAGES)  # type: ignore[arg-type]
        with OpenAI(base_url=url, api_key="secret-of-the-poor-one", max_retries=5, timeout=60) as poor:
            poor.chat.completions.create(model="assistant", messages=MESSAGES)  # type: ignore[arg-type]
            with pytest.raises(RateLimitError) as spent:
                poor.chat.completions.create(model="assistant", messages=MESSAGES)  # type: ignore[arg-type]
            assert spent.value.code == "insufficient_quota"
            assert spent.value.response.headers["x-should-retry"] == "false"
        refused = sum(b'"error":"InsufficientQuota"' in line for line in running.journal)
        assert refused <= 1, "the SDK did not ask again"
