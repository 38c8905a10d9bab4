"""A credential is fresh before a call needs it, on virtual time; what fails is told, and ends no call that could be served."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from headworks.core.clock import now, wall
from headworks.core.errors import Denied, Expired
from headworks.core.vtime import run_virtual
from headworks.credentials.credential import Bearer
from headworks.credentials.library import TALKATIVE, in_thread, quieten
from headworks.credentials.refresher import LONGEST_FETCH, Fetched, Refresher, words_of

LIFE = 3600.0
NEVER = float("inf")


class Issuer:
    """Gives `token-1`, `token-2`, ... after a while, or fails."""

    def __init__(self, takes: float = 0.5, life: float | None = LIFE) -> None:
        self.takes = takes
        self.life = life
        self.asked_at: list[float] = []
        self.fails: Exception | None = None

    async def fetch(self) -> Fetched[str]:
        self.asked_at.append(now())
        await asyncio.sleep(self.takes)
        if self.fails is not None:
            raise self.fails
        token = f"token-{len(self.asked_at)}-{'x' * 20}"
        return Fetched(token, None if self.life is None else wall() + self.life, (token,))


async def line(credential: Bearer, by: float = NEVER) -> str:
    return (await credential.headers(b"POST", b"/", b"", by)).decode().strip().partition("Bearer ")[2][:7]


def test_a_call_waits_for_the_first_token_only() -> None:
    async def main() -> None:
        issuer = Issuer()
        credential = Bearer(Refresher("v", issuer.fetch))
        begun = now()
        assert await line(credential) == "token-1"
        assert now() - begun == pytest.approx(0.5)
        begun = now()
        for _ in range(1000):
            assert await line(credential) == "token-1"
        assert now() == begun
        assert len(issuer.asked_at) == 1
        await credential.close()

    run_virtual(main())


def test_the_next_token_is_there_before_the_last_one_expires() -> None:
    async def main() -> None:
        issuer = Issuer()
        credential = Bearer(Refresher("v", issuer.fetch))
        credential.start()
        await line(credential)
        seen = []
        for _ in range(60):
            await asyncio.sleep(600)
            begun = now()
            seen.append(await line(credential))
            assert now() == begun, "no call waits for a refresh"
        assert len(issuer.asked_at) == pytest.approx(10 * 3600 / (LIFE * 0.8), abs=2)
        assert len(set(seen)) > 5
        await credential.close()

    run_virtual(main())


def test_calls_that_come_before_the_first_token_share_one_fetch_and_keep_their_own_deadlines() -> None:
    async def main() -> None:
        issuer = Issuer(takes=2)
        credential = Bearer(Refresher("v", issuer.fetch))
        at = now()
        hurried, patient, other = await asyncio.gather(
            line(credential, at + 1), line(credential, at + 9), line(credential), return_exceptions=True
        )
        assert isinstance(hurried, Expired)
        assert hurried.phase == "connect"
        assert (patient, other, len(issuer.asked_at)) == ("token-1", "token-1", 1)
        await credential.close()

    run_virtual(main())


def test_a_refresh_that_fails_is_told_and_the_token_that_is_there_is_used_until_it_expires(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        issuer = Issuer()
        credential = Bearer(Refresher("v", issuer.fetch))
        await line(credential)
        issuer.fails = RuntimeError("the identity provider is away")
        await asyncio.sleep(LIFE * 0.9)
        assert await line(credential) == "token-1"
        assert "the identity provider is away" in credential.problem
        await asyncio.sleep(LIFE * 0.2)
        begun = now()
        with pytest.raises(Denied, match="no credential") as refused:
            await line(credential)
        assert now() == begun, "the next tier is asked at once"
        assert refused.value.retry == "elsewhere"
        assert refused.value.retry_after is not None
        assert 1 <= refused.value.retry_after <= 60, "it is set aside until the next fetch, not for a minute each time"
        issuer.fails = None
        await asyncio.sleep(61)
        assert (await line(credential)).startswith("token-")
        assert credential.problem == ""
        pauses = [after - before for before, after in zip(issuer.asked_at[2:], issuer.asked_at[3:], strict=False)]
        assert max(pauses) <= 61
        await credential.close()

    with caplog.at_level(logging.INFO, "headworks.credentials"):
        run_virtual(main())
    levels = [one.levelname for one in caplog.records]
    assert levels[0] == "ERROR"
    assert "is good for" in caplog.records[0].getMessage()
    assert len(levels) < 20, "an outage is no flood"


def test_without_any_token_a_failed_fetch_ends_the_wait() -> None:
    async def main() -> None:
        issuer = Issuer(takes=0.1)
        issuer.fails = RuntimeError("no such role")
        credential = Bearer(Refresher("v", issuer.fetch))
        begun = now()
        with pytest.raises(Denied, match="no such role"):
            await line(credential)
        assert now() - begun == pytest.approx(0.1)
        await credential.close()

    run_virtual(main())


def test_a_fetch_that_hangs_is_given_up_and_tried_again() -> None:
    async def main() -> None:
        issuer = Issuer(takes=1e6)
        credential = Bearer(Refresher("v", issuer.fetch))
        with pytest.raises(Denied, match=f"{LONGEST_FETCH:.0f} s"):
            await line(credential)
        issuer.takes = 0.5
        await asyncio.sleep(5)
        assert await line(credential) == "token-2"
        await credential.close()

    run_virtual(main())


def test_a_token_that_never_expires_is_fetched_once() -> None:
    async def main() -> None:
        issuer = Issuer(life=None)
        credential = Bearer(Refresher("v", issuer.fetch))
        await line(credential)
        await asyncio.sleep(1e6)
        assert await line(credential) == "token-1"
        assert len(issuer.asked_at) == 1
        await credential.close()

    run_virtual(main())


def test_a_server_that_gives_the_same_token_again_is_not_asked_without_a_pause() -> None:
    async def main() -> None:
        asked = []
        until = wall() + 100

        async def fetch() -> Fetched[str]:
            asked.append(now())
            return Fetched("the same token", until, ("the same token",))

        credential = Bearer(Refresher("v", fetch))
        credential.start()
        await asyncio.sleep(99)
        assert 1 < len(asked) < 5
        await credential.close()

    run_virtual(main())


def test_the_mask_covers_the_token_of_now_and_the_one_before() -> None:
    async def main() -> None:
        issuer = Issuer()
        credential = Bearer(Refresher("v", issuer.fetch, ["a secret of ours"]))
        await line(credential)
        before = credential.mask
        await asyncio.sleep(LIFE)
        said = " ".join(f"token-{number}-{'x' * 20}" for number in (1, 2)) + " a secret of ours"
        assert credential.mask.masked(said.encode()) == b"*** *** ***"
        assert before.masked(b"token-1-" + b"x" * 20) == b"***"
        await credential.close()

    run_virtual(main())


def test_no_message_has_a_secret_in_it() -> None:
    async def main() -> None:
        async def fetch() -> Fetched[str]:
            raise RuntimeError("invalid client secret: 'our-client-secret-0123'")

        refresher: Refresher[str] = Refresher("v", fetch, ["our-client-secret-0123"])
        with pytest.raises(Denied) as refused:
            await refresher.value(NEVER)
        assert "0123" not in str(refused.value)
        assert "0123" not in refresher.problem
        await refresher.close()

    run_virtual(main())


def test_a_blocking_fetch_runs_in_a_thread_and_what_it_raises_is_told() -> None:
    def blocking() -> Fetched[str]:
        raise OSError("no route")

    async def main() -> str:
        try:
            await in_thread(blocking)()
        except OSError as error:
            return words_of(error)
        return ""

    assert asyncio.run(main()) == "OSError: no route"


def test_the_libraries_write_no_log_unless_somebody_wants_it() -> None:
    before = {name: logging.getLogger(name).level for name in TALKATIVE}
    try:
        for name in TALKATIVE:
            logging.getLogger(name).setLevel(logging.NOTSET)
        logging.getLogger("msal").setLevel(logging.DEBUG)
        quieten()
        assert not logging.getLogger("azure.core.pipeline.policies").isEnabledFor(logging.ERROR)
        assert logging.getLogger("msal").level == logging.DEBUG
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (ValueError, "ValueError"),
        (lambda: ValueError("a\n  b"), "ValueError: a b"),
        (lambda: ValueError("x" * 1000), f"ValueError: {'x' * 300}..."),
    ],
)
def test_words_are_one_line_and_bounded(made: Callable[[], Exception], words: str) -> None:
    assert words_of(made()) == words
