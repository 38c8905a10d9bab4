"""A candidate is the user's own file with a patch, and `patch` makes exactly it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from headworks.core.errors import HeadworksError
from headworks.system.schema.system import System
from headworks.twin.frontier.candidates import Refused, SourceFile, admitted
from headworks.twin.frontier.space import space_of
from tests.twin.frontier.files import FAST, SLOW, asked, patched, read_bytes, space, text

MANY = f"""\
choices:
  targets:
    a: [{SLOW}, {FAST}]
  vary:
    models.a.mid_stream: [error, restart]
    models.a.timeouts.total: [90s, 30s]
    providers.fast.concurrency: [10, 1k]
"""


@pytest.mark.skipif(shutil.which("patch") is None, reason="there is no `patch`")
@pytest.mark.parametrize(("mark", "end"), [("", "\n"), ("\ufeff", "")])
def test_what_patch_makes_of_the_file_is_the_candidate_to_the_byte(mark: str, end: str, tmp_path: Path) -> None:
    content = mark + text(more=MANY).rstrip("\n") + end
    source, found = SourceFile.of("headworks.yaml", content.encode()), space(text(more=MANY))
    for number in (found.size // 2, found.size - 1):
        one = source.candidate(found, found.chosen(number))
        folder = patched(tmp_path, content, source.patch(one))
        done = subprocess.run(["patch", "--binary", "headworks.yaml", "one.patch"], cwd=folder, capture_output=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stdout
        assert (folder / "headworks.yaml").read_bytes() == one.text.encode()
        assert isinstance(read_bytes(one.text.encode()), System)
        assert "# tried in order\n" in one.text
        assert "# support" in one.text


def test_the_file_as_it_is_has_no_patch() -> None:
    one = asked(text())
    made = one.source.candidate(space(text()), (0,))
    assert (made.changes, made.text, one.source.patch(made)) == ((), text(), "")


def test_what_check_refuses_is_no_candidate() -> None:
    more = "choices: {vary: {server.workers: [1, 2], state: [memory, embedded]}}"
    one = asked(text(more=more))
    found = space(text(more=more))
    made = {
        found.chosen(number): admitted(one.source.candidate(found, found.chosen(number)), one.parse)
        for number in range(4)
    }
    refused = made[1, 0]
    assert isinstance(refused, Refused)
    assert refused.by == "check"
    assert "workers" in refused.why
    assert isinstance(made[1, 1], System)


def test_what_leaves_a_constraint_is_no_candidate() -> None:
    content = text(constraints="  constraints: [{region: eu}]", slow=", region: eu")
    one, found = asked(content), space(content)
    made = [admitted(one.source.candidate(found, found.chosen(number)), one.parse) for number in range(4)]
    assert [isinstance(system, System) for system in made] == [True, False, False, False]
    assert isinstance(made[2], Refused)
    assert made[2].by == "constraints"
    assert "fast/m: region: eu" in made[2].why


def test_what_an_anchor_writes_cannot_be_varied_and_says_so() -> None:
    content = text(more="  b: *same\nchoices: {vary: {models.b.mid_stream: [restart]}}").replace(
        "  a:\n", "  a: &same\n"
    )
    source = SourceFile.of("headworks.yaml", content.encode())
    found = space_of(read_bytes(content.encode()), source.tree)
    with pytest.raises(HeadworksError, match=r"models\.b\.mid_stream cannot be changed in the text"):
        source.candidate(found, (0,))
