"""A store that was removed or replaced makes no key valid again and forgets no money."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from secrets import token_hex

import pytest

from headworks.core.errors import ConfigError, InsufficientQuota, KeysAway, Unauthenticated
from headworks.core.key import secret_digest
from headworks.gateway.gateway import Gateway
from headworks.ledger.identity import NOTE, forget, noted
from headworks.ledger.keys import Entry, Keys
from headworks.ledger.store import StoreAt
from headworks.ledger.store_url import store_at
from headworks.system.load import read
from headworks.testing import ask
from tests.gateway.test_access import SYSTEM, Broken, answered, by, spend_all, until
from tests.servers import PostgresServer

WEB = "secret-web-secret-web"


class Place:
    """A folder and a store, which may be lost, and replaced by an older copy of it."""

    def __init__(self, folder: Path, url: str, server: PostgresServer | None, schema: str) -> None:
        self.folder = folder
        self.url = url
        self.server = server
        self.schema = schema

    @property
    def at(self) -> StoreAt:
        return store_at(self.url, self.folder)

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    def gateway(self, text: str = SYSTEM) -> Gateway:
        content = text.replace("sqlite:///ledger.db", self.url).encode()
        made = Gateway(read(content, file="x", folder=self.folder, env={}).system, self.folder, seed=1)
        made.access.poll = 0.01
        return made

    def put(self, kind: str, name: str, **fields: object) -> None:
        with closing(self.at.open()) as store:
            keys = Keys(store)
            assert keys.put(kind, name, Entry(**fields), keys.row(kind, name))  # type: ignore[arg-type]

    def lose(self) -> None:
        if self.server is None:
            for path in self.folder.glob("ledger.db*"):
                path.unlink()
        else:
            self._run(f"DROP SCHEMA {self.schema} CASCADE")

    def keep(self) -> None:
        if self.server is None:
            with closing(self.at.open()) as store:
                store.compact()
            shutil.copy(self.folder / "ledger.db", self.folder / "kept")
        else:
            self._run(f"CREATE SCHEMA kept_{self.schema}")
            for table in ("identity", "access", "version", "journals", "opened", "spent", "names", "prunings"):
                self._run(f"CREATE TABLE kept_{self.schema}.{table} AS TABLE {self.schema}.{table}")

    def bring_back(self) -> None:
        """The copy that was kept, in place of what is there."""
        self.lose()
        if self.server is None:
            shutil.copy(self.folder / "kept", self.folder / "ledger.db")
        else:
            self.at.open().close()
            self._run(f"DROP TABLE {self.schema}.identity, {self.schema}.access")
            for table in ("identity", "access"):
                self._run(f"CREATE TABLE {self.schema}.{table} AS TABLE kept_{self.schema}.{table}")
            self._run(f"ALTER TABLE {self.schema}.access ADD PRIMARY KEY (kind, name)")

    def _run(self, statement: str) -> None:
        assert self.server is not None
        with closing(self.server.admin()) as admin:
            admin.execute(statement.encode())


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "sqlite":
        yield Place(tmp_path, "sqlite:///ledger.db", None, "")
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    schema = f"known_{token_hex(6)}"
    yield Place(tmp_path, server.url(schema), server, schema)


async def lived(one: Gateway) -> None:
    """A start and an end."""
    try:
        await one.start()
    finally:
        await one.stop()


def refused(place: Place) -> str:
    with pytest.raises(ConfigError) as error:
        asyncio.run(lived(place.gateway()))
    [problem] = error.value.problems
    assert problem.path == "log.store"
    assert "--new-ledger" in (problem.remedy or "")
    return problem.problem


def test_a_store_that_was_made_anew_ends_the_start_until_it_is_taken_by_name(place: Place) -> None:
    asyncio.run(lived(place.gateway()))
    place.lose()
    for _ in range(2):
        assert "was made anew" in refused(place)
    forget(place.journal)
    asyncio.run(lived(place.gateway()))


def test_an_older_copy_ends_the_start(place: Place) -> None:
    asyncio.run(lived(place.gateway()))
    place.keep()
    place.put("revoked", "web", revoked_at=1.0)
    asyncio.run(lived(place.gateway()))
    place.bring_back()
    assert "older copy: 0 changes to keys are in it, and there were 1" in refused(place)


def test_what_waits_in_the_journal_does_not_go_into_a_store_that_is_refused(place: Place) -> None:
    asyncio.run(lived(place.gateway()))
    place.lose()
    left = place.journal / "0000000000001-1-0000.jsonl"
    left.write_bytes(b"no record\n")
    refused(place)
    assert left.exists()
    with closing(place.at.open()) as store:
        assert store.positions() == {}


def test_a_store_that_is_away_is_no_reason_and_neither_is_a_folder_that_is_new(place: Place) -> None:
    async def run() -> None:
        one = place.gateway()
        one.access.at = Broken()  # type: ignore[assignment]
        await lived(one)

    asyncio.run(lived(place.gateway()))
    asyncio.run(run())
    shutil.rmtree(place.journal)
    place.lose()
    asyncio.run(lived(place.gateway()))
    assert noted(place.journal) is not None


def test_a_store_that_vanishes_while_it_serves_gives_nothing_back(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor does what takes its place: not the revoked key of the file, not the money, not the key that it never heard of."""
    text = SYSTEM.replace("keys: {", "keys: {gone: {key: secret-gone-secret-}, ")

    async def run() -> None:
        place.put("revoked", "gone", revoked_at=1.0)
        one = place.gateway(text)
        await one.start()
        try:
            assert await spend_all(one, "first") > 0
            place.lose()
            place.put("key", "other", digest=secret_digest("hw_other").hex())
            place.put("revoked", "gone")

            async def is_said() -> bool:
                return any("was made anew" in said for said in one.troubles())

            await until(is_said)
            with pytest.raises(InsufficientQuota):
                await ask(one.front, by(WEB, 7))
            with pytest.raises((KeysAway, Unauthenticated)):
                await ask(one.front, by("secret-gone-secret-"))
            with pytest.raises(KeysAway):
                await ask(one.front, by("hw_other"))
            more = text.replace("keys: {", "keys: {more: {key: secret-more-secret-, budget: {amount: $1, every: 1d}}, ")
            content = more.replace("sqlite:///ledger.db", place.url).encode()
            with pytest.raises(ConfigError, match="is not known"):
                await one.reload(read(content, file="x", folder=place.folder, env={}).system)
        finally:
            await one.stop()

    asyncio.run(run())
    said = [one for one in caplog.records if getattr(one, "fields", {}).get("event") == "ledger_replaced"]
    assert [one.levelno for one in said] == [logging.ERROR]


def test_an_older_copy_that_takes_its_place_while_it_serves_makes_no_key_valid_again(place: Place) -> None:
    async def run() -> None:
        place.put("key", "nightly", digest=secret_digest("hw_new").hex())
        one = place.gateway()
        await one.start()
        try:
            assert await answered(one, "hw_new")
            place.keep()
            place.put("key", "nightly", digest=secret_digest("hw_new").hex(), revoked_at=1.0)

            async def is_refused() -> bool:
                return not await answered(one, "hw_new")

            await until(is_refused)
            place.bring_back()

            async def is_said() -> bool:
                return any("older copy" in said for said in one.troubles())

            await until(is_said)
            with pytest.raises(KeysAway):
                await ask(one.front, by("hw_new"))
        finally:
            await one.stop()

    asyncio.run(run())


def test_a_gateway_of_made_keys_only_is_never_open_again(tmp_path: Path) -> None:
    place = Place(tmp_path, "sqlite:///ledger.db", None, "")
    text = SYSTEM.replace("keys: {web", "# keys: {web")

    async def run() -> None:
        place.put("key", "nightly", digest=secret_digest("hw_new").hex())
        one = place.gateway(text)
        await one.start()
        try:
            place.lose()

            async def is_said() -> bool:
                return any("was made anew" in said for said in one.troubles())

            await until(is_said)
            assert not await answered(one, "")
            assert await answered(one, "hw_new")
        finally:
            await one.stop()
        with pytest.raises(ConfigError, match="was made anew"):
            await lived(place.gateway(text))

    asyncio.run(run())


def test_a_note_that_cannot_be_written_keeps_nobody_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = Place(tmp_path, "sqlite:///ledger.db", None, "")
    one = place.gateway()
    (place.journal / NOTE).mkdir()

    async def run() -> None:
        await one.start()
        try:
            assert [said for said in one.troubles() if NOTE in said]
        finally:
            await one.stop()

    asyncio.run(run())
