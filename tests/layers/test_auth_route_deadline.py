"""The layers that only look: who calls, which alias, until when."""

from __future__ import annotations

import msgspec
import pytest

from headworks.core.errors import Malformed, Unauthenticated, UnknownModel
from headworks.core.key import Key, secret_digest
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
