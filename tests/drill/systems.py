"""Systems that are drilled in tests."""

from pathlib import Path

from headworks.drill.system_copy import DrilledSystem, parse_system
from headworks.system.starter import text

STARTER = text().encode()

ALONE = b"""
version: 1
providers: {only: {dialect: openai, base_url: https://vendor.example/v1, api_key: "${env:KEY_THAT_IS_NOT_SET}"}}
models: {assistant: only/gpt-5-mini}
"""

PLAIN = b"""
version: 1
providers:
  first: {dialect: openai, base_url: https://one.example/v1, api_key: "${env:KEY_THAT_IS_NOT_SET}", concurrency: 7}
  second: {dialect: simulated}
models:
  assistant:
    targets: [{provider: first, model: m, weight: 3}, second]
    timeouts: {first_token: 3s}
keys: {web: {key: "${env:ANOTHER_KEY_THAT_IS_NOT_SET}"}}
requirements: {objectives: [{id: all, metric: availability, at_least: 99%}]}
server: {listen: 127.0.0.1:8080, drain: 5s, max_in_flight: 50}
state: "redis://:${env:A_THIRD_THAT_IS_NOT_SET}@nowhere"
log: {store: "sqlite:////nowhere/at/all.db", journal: /nowhere/journal}
"""
"""Two tiers, `mid_stream: error`, and much that a copy must not have."""

PRODUCTION = b"""
version: 1
providers: {sim: {dialect: simulated}, second: {dialect: simulated}}
models: {assistant: [sim, second]}
keys: {web: {key: "${env:A_KEY_THAT_IS_NOT_SET}"}}
server: {listen: 0.0.0.0:8080, admin: 127.0.0.1:8081, admin_key: "${env:ANOTHER_THAT_IS_NOT_SET}", workers: 2, drain: 5s}
state: embedded
log: {store: "postgresql://headworks:secret@db.example/ledger"}
"""
"""What the documentation advises for production."""

WIDE = b"""
version: 1
providers:
  one: {dialect: openai, base_url: https://one.example/v1, concurrency: 20}
  two: {dialect: simulated}
models:
  assistant:
    targets: [[{provider: one, model: a, weight: 2}, two/b], two/c]
    mid_stream: continue
    cache: {exact: 1h}
    balance: fastest
    on_content_filter: next
"""
"""Three targets in two tiers; what has begun goes on."""


def system(text: bytes) -> DrilledSystem:
    return parse_system(text, "test.yaml", Path())
