"""What holds and is odd all the same, and what only the machine can tell. Errors: `test_wrong_files.py`."""

from pathlib import Path
from typing import get_args

import pytest

from headworks.core.extras import install
from headworks.gateway.gateway import unchangeable
from headworks.providers.simulated.faults import FAULTS
from headworks.system.checks.machine import Machine
from headworks.system.schema.system import Fault, Tls
from tests.system.files import FakeMachine, odd, right, wrong

SIM = "providers: {v: {dialect: simulated}}\n"
KEY = {"K": "k" * 20}


def openai(settings: str) -> str:
    return f"providers:\n  v: {{dialect: openai, {settings}}}\nmodels: {{a: v/x}}\n"


def test_a_right_file_has_no_warnings() -> None:
    assert odd(SIM + "models: {a: v/x}\n") == []
    assert odd(openai("base_url: 'https://v', api_key: '${env:K}'"), KEY) == []


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000"])
def test_a_key_in_clear_stays_on_this_machine(host: str) -> None:
    assert odd(openai(f"base_url: 'http://{host}', api_key: '${{env:K}}'"), KEY) == []


def test_a_key_in_clear_over_the_network_is_warned_of() -> None:
    assert odd(openai("base_url: 'http://v', api_key: '${env:K}'"), KEY) == [
        "2:34 providers.v.base_url: the key is sent over the network unencrypted -> use https"
    ]
    assert odd(openai("base_url: 'http://v'")) == []
    assert odd(openai("base_url: 'https://v?api-version=2024-10-21'")) == []
    [told] = odd(openai("base_url: 'https://v?api_key=hunter2'"))
    assert "providers.v.base_url: the query may contain a key" in told
    assert "hunter2" not in told


def test_a_provider_that_nobody_uses_is_warned_of() -> None:
    assert odd("providers:\n  v: {dialect: simulated}\n  w: {dialect: simulated}\nmodels: {a: v/x}\n") == [
        "3:3 providers.w: no model uses this provider -> name it in a target, or remove it"
    ]


def test_one_target_cannot_have_two_breakers() -> None:
    models = (
        "models:\n  a: v/x\n  b: {targets: v/x, breaker: {failures: 2}}\n  c: {targets: v/y, breaker: {failures: 2}}\n"
    )
    assert odd(SIM + models) == [
        "4:30 models.b.breaker: `v/x` has one circuit breaker, which `a` configures differently: the settings of `a` apply"
        " -> give both the same `breaker`"
    ]


def test_continuing_where_nobody_can_is_warned_of() -> None:
    text = openai("base_url: 'https://v'").replace(
        "models: {a: v/x}", "models: {a: {targets: TARGETS, mid_stream: continue}}"
    )
    assert odd(text.replace("TARGETS", "v/x")) == [
        "3:40 models.a.mid_stream: no target is known to continue a partial answer, so broken streams are restarted"
        " -> set `prefill` at a target that can, or write mid_stream: restart"
    ]
    for able in ("{provider: v, model: x, prefill: message}", "{provider: v, model: x, prefill: final_message}"):
        assert odd(text.replace("TARGETS", f"[{able}]")) == []
    assert odd(text.replace("https://v", "https://api.mistral.ai/v1").replace("TARGETS", "v/x")) == []
    assert odd(SIM + "models: {a: {targets: v/x, mid_stream: continue}}\n") == []


def test_any_page_without_keys_is_warned_of() -> None:
    assert odd(SIM + "models: {a: v/x}\nserver: {cors: '*'}\n") == [
        "3:16 server.cors: there are no keys, so any web page in a browser on this machine may call"
        " -> list the origins, or add keys"
    ]
    assert odd(SIM + "models: {a: v/x}\nserver: {cors: '*'}\nkeys: {k: {key: '${env:K}'}}\n", KEY) == []


def test_with_keys_the_port_may_be_open() -> None:
    system = right(SIM + "models: {a: v/x}\nserver: {listen: '0.0.0.0:8080'}\nkeys: {k: {key: '${env:K}'}}\n", KEY)
    assert not system.server.listen.is_loopback


def test_a_short_total_does_not_accuse_the_defaults() -> None:
    assert right(SIM + "models: {a: {targets: v/x, timeouts: {total: 1s}}}\n").models["a"].timeouts.answer == 60.0


def test_shares_may_add_up_to_all() -> None:
    tenths = ", ".join(f"{name}: 10%" for name in FAULTS[:10])
    assert (
        len(right(f"providers: {{v: {{dialect: simulated, faults: {{{tenths}}}}}}}\nmodels: {{a: v/x}}\n").providers)
        == 1
    )


def test_the_faults_of_the_file_are_those_of_the_simulated_vendor() -> None:
    assert set(get_args(Fault)) == set(FAULTS)


def test_certificates_are_pem() -> None:
    text = openai("base_url: 'https://v', ca_file: ca.pem")
    right(text, machine=FakeMachine({"ca.pem": b"# ours\n-----BEGIN CERTIFICATE-----\nAA==\n"}))
    assert wrong(text, machine=FakeMachine({"ca.pem": b"\x30\x82"})) == [
        "2:56 providers.v.ca_file: `ca.pem` contains no certificate -> it must be a PEM file"
    ]


def test_a_model_file_is_gguf() -> None:
    text = "providers: {v: {dialect: local, model: ./m.gguf}}\nmodels: {a: v}\n"
    assert wrong(text, machine=FakeMachine({"./m.gguf": b"PK\x03\x04"})) == [
        "1:40 providers.v.model: `./m.gguf` is not a GGUF file -> convert the model to GGUF"
    ]


def test_a_local_model_needs_the_extra() -> None:
    assert wrong("providers: {v: {dialect: local}}\nmodels: {a: v}\n", machine=FakeMachine(has_modules=False)) == [
        "1:16 providers.v: local models are not installed -> " + install("local")
    ]


def test_the_machine_reads_from_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    machine = Machine(tmp_path)
    assert machine.read("a", 4) == b"1234"
    assert machine.read(str(tmp_path / "a"), 9) == b"12345"
    assert machine.has_module("json")
    assert not machine.has_module("no_such_module")


def test_a_suite_that_is_not_there_is_a_warning_and_one_that_is_none_an_error() -> None:
    base = "providers: {v: {dialect: simulated}}\nmodels: {a: v}\n"
    assert odd(base + "suites: {s: suites/none.yaml}\n") == [
        "3:13 suites.s.file: the suite `suites/none.yaml` does not exist, so it cannot be evaluated here -> "
        "the path is relative to the system file's folder"
    ]
    assert wrong(base + "suites: {s: suites/none.txt}\n") == [
        "3:13 suites.s.file: `suites/none.txt` is not a suite -> its name must end in .yaml, .yml, .jsonl, .csv, .py"
    ]


def test_a_certificate_and_its_key_are_there_and_belong_together() -> None:
    text = SIM + "models: {a: v/x}\nserver: {tls: {cert: c.pem, key: k.pem}}\n"
    pair = {"c.pem": b"cert 1", "k.pem": b"key 1"}
    system = right(text, machine=FakeMachine(pair))
    assert system.server.url == "https://127.0.0.1:8080"
    assert right(SIM + "models: {a: v/x}\n").server.url == "http://127.0.0.1:8080"
    [said] = wrong(text, machine=FakeMachine({**pair, "k.pem": b"key 2"}))
    assert "server.tls: they do not match -> use a matching pair of PEM files" in said
    [said] = wrong(text, machine=FakeMachine({}))
    assert "server.tls.cert: it is not there" in said


def test_what_the_machine_says_of_a_certificate(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_bytes(b"-----BEGIN NOTHING-----")
    assert machine.tls_problem(Tls(cert="cert.pem", key="key.pem")) == (
        "",
        "there is no certificate, or no key, in PEM",
    )
    name, problem = machine.tls_problem(Tls(cert="none.pem", key="key.pem"))
    assert (name, "cannot be read: No such file" in problem) == ("cert", True)
    assert machine.tls_problem(Tls(cert="cert.pem", key="none.pem"))[0] == "key"


def test_other_certificate_files_need_a_restart() -> None:
    text = SIM + "models: {a: v/x}\nserver: {tls: {cert: c.pem, key: %s}}\n"
    machine = FakeMachine(dict.fromkeys(("c.pem", "k.pem", "l.pem"), b""))
    before, after = right(text % "k.pem", machine=machine), right(text % "l.pem", machine=machine)
    [problem] = unchangeable(before, after)
    assert (problem.path, "{cert: c.pem, key: k.pem}" in problem.problem) == ("server.tls", True)
    assert unchangeable(before, before) == []


@pytest.mark.parametrize("name", ["Authorization", "x-api-key", "cookie"])
def test_a_secret_is_no_session(name: str) -> None:
    [told] = wrong(f"{SIM}models: {{a: {{targets: v/x, session: 'header:{name}'}}}}\n")
    assert "models.a.session: a secret would stand on every record -> name another header" in told
