"""What a copy has of the user's file, and what it must not have."""

from pathlib import Path

import msgspec
import pytest

from headworks.core.errors import ConfigError
from headworks.drill.system_copy import CopyAddresses, copied_file, copied_system, load_system, parse_system
from headworks.system.schema.system import OpenAI
from tests.drill.systems import ALONE, PLAIN, PRODUCTION, STARTER, system

PLACE = CopyAddresses(urls={"first": "http://127.0.0.1:7001/v1", "second": "http://127.0.0.1:7002/v1"})


def test_an_alias_says_again_what_it_said() -> None:
    made, original = copied_system(system(PLAIN)).models["assistant"], system(PLAIN).system.models["assistant"]
    assert made.timeouts == original.timeouts
    assert [[str(one) for one in tier] for tier in made.targets] == [["first/m"], ["second/simulated"]]
    assert [one.weight for tier in made.targets for one in tier] == [3.0, 1.0]
    assert [one.prefill for tier in made.targets for one in tier] == ["none", "message"]


def test_no_vendor_no_secret_and_no_path_of_the_users_is_in_it() -> None:
    text = copied_file(system(PLAIN), PLACE)
    for word in (b"example", b"KEY", b"nowhere", b"8080", b"web", b"objectives"):
        assert word not in text
    made = msgspec.json.decode(text)
    assert made["providers"]["first"] == {
        "dialect": "openai",
        "base_url": "http://127.0.0.1:7001/v1",
        "concurrency": "7",
    }
    assert made["server"] == {
        "drain": "5s",
        "max_in_flight": "50",
        "listen": "127.0.0.1:1",
        "admin": "127.0.0.1:2",
    }


def test_a_copy_speaks_plain_http_and_asks_for_no_certificate() -> None:
    drilled = system(PLAIN.replace(b"drain: 5s", b"drain: 5s, tls: {cert: /nowhere/c.pem, key: /nowhere/k.pem}"))
    assert "tls" not in msgspec.json.decode(copied_file(drilled, PLACE))["server"]


def test_a_vendors_proxy_is_not_in_it() -> None:
    with_proxy = b'proxy: "http://ann:${env:NOT_SET_EITHER}@proxy.example:1", concurrency: 7'
    made = copied_file(system(PLAIN.replace(b"concurrency: 7", with_proxy)), PLACE)
    assert b"proxy" not in made


def test_secrets_that_are_not_there_are_not_missed() -> None:
    assert isinstance(system(ALONE).system.providers["only"], OpenAI)


def test_who_is_called_is_the_first_vendor_that_has_a_fallback() -> None:
    assert system(STARTER).alias(None) == "simulated"
    assert system(STARTER).alias("assistant") == "assistant"
    assert system(ALONE).alias(None) == "assistant"
    assert system(STARTER).first_tier("simulated") == ["shaky/simulated"]


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(ConfigError, match=r"absent.yaml: the system file cannot be read"):
        load_system(Path("absent.yaml"))


def test_a_file_that_is_wrong_is_told_with_its_places() -> None:
    with pytest.raises(ConfigError, match=r"test.yaml:4:25: models.assistant.targets.*`other`"):
        system(b"version: 1\nproviders: {one: {dialect: simulated}}\n\nmodels: {assistant:     other/m}\n")


@pytest.mark.parametrize(
    "state", [b"embedded", b"redis://:secret@db.example/0", b"valkeys://db.example", b"${env:STATE_THAT_IS_NOT_SET}"]
)
def test_a_production_file_is_copied_with_one_worker_and_counts_in_memory(state: bytes) -> None:
    original = system(PRODUCTION.replace(b"state: embedded", b'state: "' + state + b'"'))
    made = copied_system(original)
    assert (made.server.workers, made.state.reveal(), made.log.store.reveal()) == (1, "memory", "sqlite:///store.db")
    assert made.server.drain == 5.0
    said = "; ".join(original.differences)
    assert "one worker (the file has 2)" in said
    assert f"the file has `{state.decode().partition('://')[0]}" in said
    assert "ledger in SQLite (the file has `postgresql://...`)" in said
    assert "secret" not in said
    assert "db.example" not in said


def test_a_file_that_has_nothing_of_the_kind_differs_in_nothing() -> None:
    assert system(ALONE).differences == ()
    assert system(ALONE + b"state: memory\nserver: {workers: 1}\nlog: {store: 'sqlite:///a.db'}\n").differences == ()


def test_what_the_copy_has_itself_is_not_even_read() -> None:
    server = b"server: {listen: nonsense, admin: 7, workers: many, tls: {cert: a.pem, key: b.pem}, max_in_flight: 3}\n"
    assert copied_system(system(ALONE + server)).server.max_in_flight == 3
    with pytest.raises(ConfigError, match="max_in_flight"):
        system(ALONE + b"server: {max_in_flight: many}\n")


def test_a_target_outside_the_constraints_saves_nobody_in_a_drill() -> None:
    text = b"""
requirements: {constraints: [{region: eu}], objectives: [{id: wrong}]}
providers: {a: {dialect: simulated, region: eu}, b: {dialect: simulated}}
models: {m: {targets: [a, b]}}
"""
    drilled = parse_system(text, "f.yaml", Path())
    assert [[str(one) for one in tier] for tier in copied_system(drilled).models["m"].targets] == [["a/simulated"]]


def test_what_a_vendors_model_cannot_do_is_known_of_its_copy_too() -> None:
    vendor = PLAIN.replace(b"https://one.example/v1", b"https://api.openai.com/v1").replace(
        b"model: m", b"model: gpt-4o"
    )
    drilled = system(vendor)
    written = msgspec.json.decode(copied_file(drilled, PLACE))["models"]["assistant"]["targets"][0][0]
    assert written["capabilities"] == {"audio": "false", "thinking": "false", "max_output": "16384"}
    copied = copied_system(drilled).models["assistant"].targets[0][0].capabilities
    assert copied is not None
    assert (copied.audio, copied.thinking, copied.images, copied.max_output) == (False, False, None, 16384)
