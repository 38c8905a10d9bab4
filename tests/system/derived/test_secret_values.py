"""What of a system file is secret: to be searched for in what a vendor answers, and in records and logs."""

from __future__ import annotations

import base64

import pytest

from headworks.system.derived.secret_values import every_secret, sent_to
from headworks.system.schema.system import OpenAI
from tests.system.files import odd, right

PAIR = base64.b64encode(b"user:pass-0123456789").decode()
FILE = """\
providers:
  v:
    dialect: openai
    base_url: "https://v.example/v1?api-version=1&api-key=query-0123456789"
    api_key: "${env:KEY}"
    proxy: "http://me:${env:PROXY}@proxy:3128"
    headers:
      X-Title: My App
      Api-Token: literal-0123456789
      X-Tenant: "${env:TENANT}"
      X-Auth-Token: "Bearer ${env:TOKEN}"
      Cookie: "Basic ${env:PAIR}"
models: {a: v/x}
keys: {k: {key: "${env:CALLER}"}}
server: {admin: 127.0.0.1:8081, admin_key: "${env:ADMIN}"}
log: {store: "postgresql://me:${env:STORE}@db/x?sslpassword=ssl-0123456789"}
state: "redis://:${env:STATE}@cache:6379"
"""
ENV = {
    "KEY": "key-0123456789ab",
    "PROXY": "proxy%2B0123456789",
    "TENANT": "tenant-0123456789",
    "TOKEN": "token-0123456789",
    "PAIR": PAIR,
    "CALLER": "caller-0123456789",
    "ADMIN": "admin-0123456789",
    "STORE": "store-0123456789",
    "STATE": "state-0123456789",
}


def test_a_vendor_is_sent_its_key_its_secret_headers_its_query_and_the_proxys_password() -> None:
    provider = right(FILE, ENV).providers["v"]
    assert isinstance(provider, OpenAI)
    assert set(sent_to(provider)) == {
        *("key-0123456789ab", "literal-0123456789", "tenant-0123456789", "token-0123456789", "query-0123456789"),
        *(PAIR, "pass-0123456789", "proxy%2B0123456789", "proxy+0123456789"),
    }


def test_records_and_logs_are_searched_for_every_secret_of_the_file() -> None:
    system = right(FILE, ENV)
    provider = system.providers["v"]
    assert isinstance(provider, OpenAI)
    assert set(every_secret(system)) - set(sent_to(provider)) == {
        *("caller-0123456789", "admin-0123456789", "store-0123456789", "ssl-0123456789", "state-0123456789")
    }


def test_where_nothing_is_secret_there_is_nothing() -> None:
    assert every_secret(right("providers: {v: {dialect: openai, base_url: https://v/v1}}\nmodels: {a: v/x}\n")) == []


@pytest.mark.parametrize(
    ("url", "is_told"),
    [
        ("https://v.example/v1", True),
        ("http://10.0.0.1/v1", True),
        ("http://127.0.0.1:11434/v1", False),
        ("http://localhost:8000/v1", False),
        ("http://[::1]:8000/v1", False),
    ],
)
def test_a_short_secret_is_warned_of_but_where_the_vendor_is_on_this_machine(url: str, is_told: bool) -> None:
    file = f"""
providers: {{v: {{dialect: openai, base_url: "{url}", api_key: "${{env:A}}", headers: {{X-Token: "Bearer ${{env:A}}", X-Title: ok}}}}}}
models: {{a: v/x}}
"""
    warned = [line for line in odd(file, {"A": "none"}) if "shorter than 12 bytes" in line]
    assert [line.split(" ")[1] for line in warned] == ["providers.v.api_key:", "providers.v.headers.X-Token:"] * is_told
    assert not any("none" in line for line in warned)
    assert [line for line in odd(file, {"A": "n" * 12}) if "shorter than 12 bytes" in line] == []
