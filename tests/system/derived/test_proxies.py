"""Which proxy a provider is asked through: the file's, the environment's, or none."""

from __future__ import annotations

import pytest

from headworks.gateway.leaves import Leaves
from headworks.system.derived.proxies import ways
from headworks.system.schema.system import OpenAI
from tests.system.files import NOWHERE, examined, odd, right, told, wrong

FILE = "providers: {v: {dialect: openai, base_url: '%s'%s}}\nmodels: {a: v/m}\n"
SECRET = "http://ann:hunter2@secret.example:3128"


def file(base_url: str = "https://vendor.example/v1", proxy: str = "") -> str:
    return FILE % (base_url, f", proxy: '{proxy}'" if proxy else "")


def asked(text: str, env: dict[str, str]) -> str | None:
    provider = right(text, env).providers["v"]
    assert isinstance(provider, OpenAI)
    return None if provider.proxy is None else provider.proxy.reveal()


@pytest.mark.parametrize(
    ("base_url", "proxy", "env", "found"),
    [
        ("https://v.example/v1", "", {}, None),
        ("https://v.example/v1", "", {"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ("https://v.example/v1", "", {"https_proxy": "p:1"}, "p:1"),
        ("https://v.example/v1", "", {"HTTPS_PROXY": "http://p:1", "https_proxy": "http://q:1"}, "http://q:1"),
        ("https://v.example/v1", "", {"HTTPS_PROXY": "http://p:1", "https_proxy": ""}, None),
        ("https://v.example/v1", "", {"HTTP_PROXY": "http://p:1"}, None),
        ("http://v.example/v1", "", {"HTTP_PROXY": "http://p:1"}, "http://p:1"),
        ("http://v.example/v1", "", {"HTTPS_PROXY": "http://p:1"}, None),
        ("https://v.example/v1", "none", {"HTTPS_PROXY": "http://p:1"}, None),
        ("https://v.example/v1", "http://q:2", {"HTTPS_PROXY": "http://p:1"}, "http://q:2"),
        ("https://v.example/v1", "http://q:2", {}, "http://q:2"),
        ("https://v.example/v1", "http://u:${env:PW}@q", {"PW": "x"}, "http://u:x@q"),
        ("https://v.example/v1", "${env:P}", {"P": "q:2"}, "q:2"),
        ("https://v.example/v1", "", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "a,.example"}, None),
        ("https://v.example/v1", "", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "v.example:444"}, "http://p:1"),
        ("https://v.example:444/v1", "", {"HTTPS_PROXY": "http://p:1", "no_proxy": "v.example:444"}, None),
        ("http://10.1.2.3/v1", "", {"HTTP_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8"}, None),
        ("http://127.0.0.1:11434/v1", "", {"HTTP_PROXY": "http://p:1"}, None),
        ("http://localhost:8000/v1", "", {"HTTP_PROXY": "http://p:1"}, None),
        ("http://[::1]:8000/v1", "", {"HTTP_PROXY": "http://p:1"}, None),
    ],
)
def test_the_file_goes_before_the_environment_and_exceptions_before_both(
    base_url: str, proxy: str, env: dict[str, str], found: str | None
) -> None:
    assert asked(file(base_url, proxy), env) == found


def test_the_pool_of_a_provider_goes_through_its_proxy() -> None:
    leaves = Leaves(right(file(), {"HTTPS_PROXY": SECRET}), NOWHERE, seed=1)
    proxy = leaves.clients["v"].proxy
    assert proxy is not None
    assert (proxy.address, bool(proxy.authorization)) == ("secret.example:3128", True)
    assert Leaves(right(file(), {}), NOWHERE, seed=1).clients["v"].proxy is None


def test_a_written_proxy_that_is_not_used_is_told() -> None:
    [said] = odd(file("http://127.0.0.1:1/v1", "http://q:2"))
    assert "providers.v.proxy: this provider is asked without its proxy: its host is this machine" in said
    [said] = odd(file(proxy="http://q:2"), {"NO_PROXY": "vendor.example"})
    assert "NO_PROXY names its host" in said


@pytest.mark.parametrize("value", ["socks5://ann:hunter2@p:1", "https://ann:hunter2@p:1", "http://ann:hunter2@p:x"])
def test_a_proxy_that_cannot_be_used_is_an_error_that_quotes_nothing(value: str) -> None:
    for text, env in (
        (file(), {"HTTPS_PROXY": value}),
        (file(proxy=value), {}),
        (file(proxy="${env:P}"), {"P": value}),
    ):
        [said] = wrong(text, env)
        assert "providers.v.proxy: " in said
        assert "hunter2" not in said
    # Where it is not needed it is nobody's mistake.
    assert asked(file("http://127.0.0.1:1/v1"), {"HTTP_PROXY": value}) is None
    assert asked(file(proxy="none"), {"HTTPS_PROXY": value}) is None


def test_a_proxys_password_is_never_shown() -> None:
    for text, env in (
        (file(), {"HTTPS_PROXY": SECRET}),
        (file(proxy=SECRET), {}),
        (file(proxy="${env:P}"), {"P": SECRET}),
    ):
        system, findings = examined(text, env)
        assert system is not None
        assert "hunter2" not in repr(system)
        assert not any("hunter2" in one for one in told(findings.warnings))
        assert "hunter2" not in str(ways(system, env))
    assert "the password itself stands in the file" in odd(file(proxy=SECRET))[0]


def test_each_way_is_said_with_who_said_so() -> None:
    def way(text: str, env: dict[str, str]) -> dict[str, str]:
        return ways(right(text, env), env)

    assert way(file(), {}) == {}
    assert way(file(), {"HTTPS_PROXY": SECRET}) == {"v": "through http://secret.example:3128 (HTTPS_PROXY)"}
    assert way(file(proxy="http://q:2"), {}) == {"v": "through http://q:2 (the system file)"}
    assert way(file(), {"HTTPS_PROXY": SECRET, "NO_PROXY": "*"}) == {"v": "directly (NO_PROXY names its host)"}
    assert way(file(proxy="none"), {"HTTPS_PROXY": SECRET}) == {"v": "directly (none is named for it)"}
    assert way(file("http://localhost/v1"), {"http_proxy": SECRET}) == {"v": "directly (its host is this machine)"}
