"""The URL of a server of ours: read like a secret, shown without its password."""

from __future__ import annotations

import msgspec
import pytest

from headworks.core.extras import install
from headworks.system.schema.secrets import PrivateUrl
from tests.system.files import FakeMachine, examined, right, told, wrong

FILE = """
providers: {sim: {dialect: simulated}}
models: {assistant: sim}
log: {store: "%s"}
"""
WARNED = "the password itself stands in the file"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://db/ledger", "postgresql://db/ledger"),
        ("postgresql://user@db:5432/ledger", "postgresql://user@db:5432/ledger"),
        ("postgresql://user:hunter2@db/ledger", "postgresql://user:...@db/ledger"),
        ("postgresql://user:hunt@er2@db/ledger", "postgresql://user:...@db/ledger"),
        ("postgresql://user:hunt:er2@db/ledger", "postgresql://user:...@db/ledger"),
        ("postgresql://user:@db/ledger", "postgresql://user:@db/ledger"),
        ("postgresql://db/ledger?password=hunter2&x=1", "postgresql://db/ledger?password=...&x=1"),
        ("postgresql://db/ledger?x=1&sslpassword=hunter2", "postgresql://db/ledger?x=1&sslpassword=..."),
        ("postgresql://user:${env:PW}@db/ledger", "postgresql://user:${env:PW}@db/ledger"),
        ("postgresql://user:x${env:PW}@db/ledger", "postgresql://user:...@db/ledger"),
        ("${env:URL}", "${env:URL}"),
        ("sqlite:///a:b@c.db", "sqlite:///a:b@c.db"),
    ],
)
def test_a_url_is_shown_as_it_is_written_without_its_password(url: str, shown: str) -> None:
    env = {"PW": "hunter2", "URL": "postgresql://user:hunter2@db/ledger"}
    store = right(FILE % url, env).log.store
    assert str(store) == shown
    assert "hunter2" not in repr(store)
    assert store.reveal() == url.replace("${env:PW}", "hunter2").replace("${env:URL}", env["URL"])


def test_a_password_in_the_file_is_warned_of_and_one_from_elsewhere_is_not() -> None:
    for url, count in (("postgresql://u:hunter2@db/x", 1), ("postgresql://u:${env:PW}@db/x", 0), ("${env:URL}", 0)):
        _, findings = examined(FILE % url, {"PW": "p", "URL": "postgresql://u:p@db/x"})
        assert [one.problem for one in findings.warnings] == [WARNED] * count


@pytest.mark.parametrize(
    "url", ["mysql://u:hunter2@db/x", "postgresql://u:hun ter2@db/x", "postgresql://u:hunter2@db:port/x"]
)
def test_what_is_wrong_with_a_url_never_quotes_it(url: str) -> None:
    [said] = wrong(FILE % url)
    assert "hunter2" not in said
    assert "log.store" in said


def test_without_the_client_the_extra_is_named() -> None:
    system, findings = examined(FILE % "postgresql://db/x", machine=FakeMachine(has_modules=False))
    assert system is None
    [said] = told(findings.errors)
    assert install("postgres") in said


def test_the_digest_of_a_system_has_no_password() -> None:
    one, other = (right(FILE % f"postgresql://u:{word}@db/x") for word in ("hunter2", "hunter3"))
    assert one.digest == other.digest
    assert one.digest != right(FILE % "postgresql://u@db/y").digest
    with pytest.raises(TypeError):
        msgspec.json.encode(PrivateUrl("postgresql://u:hunter2@db/x"))
