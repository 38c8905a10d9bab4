"""The one hint that says how to install an extra: it works where this copy came from."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import headworks
from headworks.core.extras import Environment, command, install

HERE = Path("/home/me/project")
PYTHON = HERE / ".venv/bin/python"
CLONE = '{"dir_info": {"editable": true}, "url": "file:///home/me/project"}'
NOWHERE = Path("/usr/lib/python3/site-packages")


def environment(direct_url: str | None, **changes: object) -> Environment:
    known = Environment(direct_url=direct_url, tree=NOWHERE, here=HERE, python=PYTHON, has_pip=True)
    return msgspec.structs.replace(known, **changes)


@pytest.mark.parametrize(
    ("direct_url", "said"),
    [
        (None, "'headworks[plan]'"),
        (CLONE, "-e '.[plan]'"),
        ('{"dir_info": {}, "url": "file:///home/me/project"}', "'.[plan]'"),
        ('{"dir_info": {}, "url": "file:///home/me/project/below"}', "'./below[plan]'"),
        ('{"dir_info": {}, "url": "file:///else/where%20it%20is"}', "'/else/where it is[plan]'"),
        (
            '{"archive_info": {}, "url": "file:///dist/headworks-0.1-py3-none-any.whl"}',
            "'headworks[plan] @ file:///dist/headworks-0.1-py3-none-any.whl'",
        ),
        (
            '{"vcs_info": {"vcs": "git", "commit_id": "0a1b"}, "url": "https://example.com/it.git"}',
            "'headworks[plan] @ git+https://example.com/it.git@0a1b'",
        ),
    ],
)
def test_what_is_installed_is_what_this_copy_came_from(direct_url: str | None, said: str) -> None:
    assert command(environment(direct_url), "plan") == f".venv/bin/python -m pip install {said}"


def test_a_tree_that_was_never_installed_is_named_itself(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    assert command(environment(None, tree=tmp_path), "eval").endswith(f"pip install '{tmp_path}[eval]'")


def test_the_environment_that_runs_is_the_one_that_is_installed_into() -> None:
    elsewhere = environment(CLONE, python=Path("/opt/headworks/bin/python3"))
    assert command(elsewhere, "plan") == "/opt/headworks/bin/python3 -m pip install -e '.[plan]'"
    without_pip = environment(CLONE, has_pip=False)
    assert command(without_pip, "plan") == "uv pip install --python .venv/bin/python -e '.[plan]'"


def test_options_of_pip_stand_before_what_is_installed() -> None:
    assert command(environment(None), "local", "--no-cache-dir").endswith("install --no-cache-dir 'headworks[local]'")


def test_the_hint_of_this_environment_is_one_that_pip_takes() -> None:
    words = install("plan", "--dry-run", "--no-deps", "--no-index", "--no-build-isolation", "--help")
    ended = subprocess.run(words, shell=True, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert sys.executable in words or ".venv" in words


def test_nothing_else_in_the_package_says_how_to_install() -> None:
    package = Path(headworks.__file__).parent
    saying = [path for path in package.rglob("*.py") if "pip install" in path.read_text()]
    assert saying == [package / "core/extras.py"]


def test_each_page_that_names_an_extra_of_an_index_names_the_clones_too() -> None:
    pages = [*Path("docs").glob("*.md"), Path("README.md")]
    for page in pages:
        for line in page.read_text().splitlines():
            if "pip install 'headworks[" in line:
                assert "pip install '.[" in line, f"{page}: {line}"
