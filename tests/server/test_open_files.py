"""How many files a process may have open: asked for in a process of its own, for a limit cannot be given back."""

from __future__ import annotations

import subprocess
import sys

import pytest

ASK = """
import resource
from headworks.http.client import most_idle
from headworks.http.dial import Origin
from headworks.server.open_files import allow_open_files
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
before = most_idle(Origin())
assert allow_open_files({enough}) == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
print(before, *resource.getrlimit(resource.RLIMIT_NOFILE), most_idle(Origin()), most_idle(Origin(tls=True)))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "enough", "said"),
    [
        (256, 1024, 65_536, "64 1024 1024 256 256"),  # as far as the system lets it, and a quarter of that rests
        (256, 1024, 512, "64 512 1024 128 128"),
        (1000, 1024, 512, "250 1000 1024 250 250"),  # never lowered
    ],
)
def test_what_the_system_grants_is_asked_for(soft: int, hard: int, enough: int, said: str) -> None:
    code = ASK.format(soft=soft, hard=hard, enough=enough)
    found = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True, timeout=60)
    assert found.stdout.strip() == said
