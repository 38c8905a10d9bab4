"""Settings that hold for every test, and the real servers; other fixtures live beside the tests that use them."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.servers import PostgresServer, ValkeyServer, postgres, valkey

# No deadline per example: on two shared cores a pause of the machine is not a bug of ours. `print_blob` gives the line
# that replays a failure found elsewhere.
# In CI the examples follow from the code alone: a push is not failed by what a search would have found in any other.
settings.register_profile("headworks", deadline=None, print_blob=True, derandomize="CI" in os.environ)
settings.load_profile("headworks")


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
