"""The layers that only look: who calls, which alias, until when."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from headworks.core.clock import wall
from headworks.core.errors import KeysAway, Malformed, Unauthenticated, UnknownModel
from headworks.core.key import Allowance, Change, Key, new_secret, secret_digest
from headworks.layers.auth import Auth, Keyring
from headworks.layers.deadline import Deadline
from headworks.layers.route import Route
from headworks.testing import Scripted, ask, call, virtual


def keyring() -> Keyring:
    return Keyring(
        [
            Key(name="web", digest=secret_digest("secret-web"), models=frozenset({"assistant"}), priority="high"),
            Key(name="batch", digest=secret_digest("secret-batch")),
        ]
    )


@virtual
async def test_a_known_key_becomes_the_tenant_and_its_secret_goes_no_further() -> None:
    inner = Scripted(["hi"])
    asked = msgspec.structs.replace(call(), credential="secret-web")
    await ask(Auth(inner, keyring()), asked)
    [seen] = inner.calls
    assert (seen.tenant, seen.priority, seen.credential) == ("web", "high", None)
    assert seen.trail.key == "web"


@pytest.mark.parametrize("secret", [None, "", "secret-we", "secret-web ", "SECRET-WEB"])
def test_a_stranger_reaches_nobody(secret: str | None) -> None:
    @virtual
    async def run() -> None:
        inner = Scripted(["hi"])
        with pytest.raises(Unauthenticated):
            await ask(Auth(inner, keyring()), msgspec.structs.replace(call(), credential=secret))
        assert inner.calls == []

    run()


@virtual
async def test_an_alias_that_a_key_may_not_use_looks_like_one_that_is_not_there() -> None:
    auth = Auth(Route({"other": Scripted(["hi"])}), keyring())
    asked = msgspec.structs.replace(call(alias="other"), credential="secret-web")
    with pytest.raises(UnknownModel) as forbidden:
        await ask(auth, asked)
    with pytest.raises(UnknownModel) as unknown:
        await ask(auth, msgspec.structs.replace(asked, alias="otheR", credential="secret-batch"))
    assert forbidden.value.message.replace("other", "otheR") == unknown.value.message


@virtual
async def test_a_stranger_with_a_bad_body_learns_only_that_he_is_a_stranger() -> None:
    asked = msgspec.structs.replace(call(alias=""), refusal=Malformed("no JSON"))
    auth = Auth(Route({}), keyring())
    with pytest.raises(Unauthenticated):
        await ask(auth, asked)
    with pytest.raises(Malformed):
        await ask(auth, msgspec.structs.replace(asked, credential="secret-web"))


@virtual
async def test_an_unknown_model_lists_no_other() -> None:
    with pytest.raises(UnknownModel) as error:
        await ask(Route({"secret-project": Scripted([])}), call(alias="nope"))
    assert "secret-project" not in error.value.message
    assert error.value.param == "model"


@virtual
async def test_the_deadline_is_counted_from_the_arrival_and_only_ever_moves_nearer() -> None:
    inner = Scripted(["a", "b"])
    layer = Deadline(inner, 120.0)
    await ask(layer, msgspec.structs.replace(call(), arrived_at=5.0))
    await ask(layer, msgspec.structs.replace(call(), arrived_at=5.0, deadline_at=30.0))
    assert [seen.deadline_at for seen in inner.calls] == [125.0, 30.0]


def made(name: str, secret: str, **fields: object) -> Key:
    return msgspec.structs.replace(Key(name=name, digest=secret_digest(secret)), **fields)


@virtual
async def test_a_key_ends_when_it_expires_and_a_former_secret_before_that() -> None:
    ring = Keyring()
    key = made("nightly", "new", expires_at=wall() + 100)
    ring.change([Change(kind="key", name="nightly", key=key, former=((secret_digest("old"), wall() + 10),))])
    assert {ring.find("new").name, ring.find("old").name} == {"nightly"}
    await asyncio.sleep(11)
    with pytest.raises(Unauthenticated, match="expired"):
        ring.find("old")
    assert ring.find("new").name == "nightly"
    await asyncio.sleep(100)
    with pytest.raises(Unauthenticated, match="expired"):
        ring.find("new")


@virtual
async def test_what_a_key_was_before_a_change_is_gone() -> None:
    ring = Keyring()
    ring.change([Change(kind="key", name="a", key=made("a", "one"), former=((secret_digest("zero"), wall() + 1000),))])
    ring.change([Change(kind="key", name="a", key=made("a", "two"))])
    assert ring.find("two").name == "a"
    for secret in ("zero", "one"):
        with pytest.raises(Unauthenticated):
            ring.find(secret)
    ring.change([Change(kind="key", name="a")])
    with pytest.raises(Unauthenticated):
        ring.find("two")
    assert len(ring) == 0
    assert not ring.is_open, "a key that was revoked leaves nobody in"


def test_a_ring_is_open_only_where_there_never_was_a_key() -> None:
    assert Keyring().is_open
    assert not keyring().is_open
    unread = Keyring()
    unread.is_read = False
    assert not unread.is_open


def test_a_store_that_is_away_makes_nobody_a_stranger_and_nobody_known_wait() -> None:
    ring = keyring()
    ring.is_away = lambda: True
    assert ring.find("secret-web").name == "web"
    with pytest.raises(KeysAway):
        ring.find("secret-of-nobody")


def test_a_key_of_the_file_is_revoked_by_name_and_let_in_again() -> None:
    ring = keyring()
    ring.change([Change(kind="revoked", name="web", is_revoked=True)])
    with pytest.raises(Unauthenticated):
        ring.find("secret-web")
    assert ring.find("secret-batch").name == "batch"
    ring.change([Change(kind="revoked", name="web")])
    assert ring.find("secret-web").name == "web"


def test_a_group_of_the_file_counts_before_one_that_was_made() -> None:
    ring = Keyring([], {"product": Allowance(rpm=1)})
    ring.change([Change(kind="group", name="product", allowance=Allowance(rpm=2))])
    ring.change([Change(kind="group", name="lab", allowance=Allowance(rpm=3))])
    assert [ring.group(name).rpm for name in ("product", "lab", "nobody")] == [1, 3, None]


def test_secrets_have_256_bits_and_say_whose_they_are() -> None:
    assert new_secret(lambda bits: (1 << bits) - 1) != new_secret(lambda bits: (1 << bits) - 2)
    secret = new_secret(lambda bits: 0)
    assert secret.startswith("hw_")
    assert len(secret) == 46


def test_without_a_key_everybody_waits_while_nobody_can_say_whether_one_is_needed() -> None:
    ring = Keyring()
    ring.is_read = False
    for secret in (None, "secret-of-nobody"):
        with pytest.raises(KeysAway) as caught:
            ring.find(secret)
        assert caught.value.retry_after == 1.0
    ring.is_away = lambda: True
    with pytest.raises(KeysAway) as caught:
        ring.find(None)
    assert caught.value.retry_after == 5.0
    ring.change([Change(kind="key", name="a", key=made("a", "one"))])
    with pytest.raises(Unauthenticated):
        ring.find(None)


def test_where_the_file_asks_for_keys_nobody_comes_in_without_one_though_the_store_was_not_read() -> None:
    ring = keyring()
    ring.is_read = False
    with pytest.raises(Unauthenticated):
        ring.find(None)
    assert ring.find("secret-web").name == "web"


@virtual
async def test_a_key_that_was_found_already_is_not_looked_up_again_unless_anything_has_changed() -> None:
    ring = keyring()
    scripted = Scripted(["one", "two", "three"])
    auth = Auth(scripted, ring)
    key = ring.find("secret-web")
    found = msgspec.structs.replace(call(), key=key, found_at=ring.version)
    await ask(auth, found)
    assert scripted.calls[0].key is key, "though the call has no credential"
    ring.change([Change(kind="revoked", name="web", is_revoked=True)])
    with pytest.raises(Unauthenticated):
        await ask(auth, found)
    ring.file((), {})
    await ask(auth, found)
    assert scripted.calls[-1].key is None, "there is no key any more, so nobody has one"
