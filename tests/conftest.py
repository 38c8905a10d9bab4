"""Settings that hold for every test, and the real servers; other fixtures live beside the tests that use them."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.servers import PostgresServer, ValkeyServer, postgres, valkey

# The examples follow from the code alone (`derandomize`), here as in CI: whoever runs the suite on the same tree runs the
# same tests, and none is failed by what a search would have found in any other. So nothing is kept of earlier runs either.
# No deadline per example, and no complaint of slowness: on two shared cores a pause of the machine is not a bug of ours.
# `print_blob` gives the line that replays a failure found elsewhere.
settings.register_profile(
    "headworks",
    deadline=None,
    print_blob=True,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
# The search: `make soak` draws a seed, says it, and gives each law 1,500 examples that follow from it.
SEARCHED = 1500
settings.register_profile("soak", settings.get_profile("headworks"), derandomize=False, max_examples=SEARCHED)
settings.load_profile("headworks")


def pytest_report_header(config: pytest.Config) -> str:
    """Which examples this run draws, and how to draw them again."""
    profile = config.getoption("hypothesis_profile") or "headworks"
    seed = config.getoption("hypothesis_seed")
    return f"laws: profile {profile}, " + (
        "the same examples each time"
        if profile == "headworks"
        else f"seed {seed}: `make soak SEED={seed}` draws them again"
    )


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL. Each test takes a schema of its own."""
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    """A real Valkey. Each test takes a prefix of its own."""
    with valkey() as server:
        yield server
