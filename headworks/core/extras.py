"""The command that installs a missing extra: the one place that says `pip install`.

Always true: the command works where this copy came from (an index, a clone, a wheel, a repository: PEP 610 says which) and
for the environment that runs it, whichever `pip` the shell would find.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

PACKAGE: Final = "headworks"

EXTRAS: Final[Mapping[str, str]] = MappingProxyType(
    {"numpy": "plan", "scipy": "plan", "matplotlib": "plan", "optuna": "search"}
    | dict.fromkeys(("jinja2", "jsonschema_rs", "rapidfuzz", "regex", "statsmodels"), "eval")
)
"""Which extra of the package brings a module that a command needs."""


class DirectUrl(msgspec.Struct, frozen=True):
    """`direct_url.json`: where pip had the package from, when it was not an index."""

    url: str
    dir_info: Mapping[str, bool] | None = None
    vcs_info: Mapping[str, str] | None = None


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """The Python environment that runs this. direct_url: as pip noted it. tree: the folder of the package. here: where shown paths are
    relative to."""

    direct_url: str | None
    tree: Path
    here: Path
    python: Path
    has_pip: bool


def install(extra: str, *options: str) -> str:
    """The command that installs an extra of this package. options: more of pip's own."""
    return command(environment(), extra, *options)


def environment() -> Environment:
    """The one that this process runs in."""
    metadata = import_module("importlib.metadata")  # 15 ms, for those who lack something only
    try:
        noted: str | None = metadata.distribution(PACKAGE).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        noted = None
    return Environment(
        direct_url=noted,
        tree=Path(__file__).resolve().parents[2],
        here=Path.cwd(),
        python=Path(sys.executable),
        has_pip=find_spec("pip") is not None,
    )


def command(where: Environment, extra: str, *options: str) -> str:
    """The same for an environment that is given."""
    installer = [short(where.python, where.here), "-m", "pip", "install"]
    if not where.has_pip:
        installer = ["uv", "pip", "install", "--python", short(where.python, where.here)]
    return shlex.join([*installer, *options, *requirement(where, extra)])


def requirement(where: Environment, extra: str) -> list[str]:
    """The package with an extra, as pip is told."""
    noted = None if where.direct_url is None else msgspec.json.decode(where.direct_url, type=DirectUrl)
    if noted is None:
        is_clone = (where.tree / "pyproject.toml").is_file()
        return [f"{short(where.tree, where.here)}[{extra}]" if is_clone else f"{PACKAGE}[{extra}]"]
    if noted.vcs_info is not None:
        return [f"{PACKAGE}[{extra}] @ {noted.vcs_info['vcs']}+{noted.url}@{noted.vcs_info['commit_id']}"]
    if noted.dir_info is None:
        return [f"{PACKAGE}[{extra}] @ {noted.url}"]
    clone = f"{short(Path(unquote(urlsplit(noted.url).path)), where.here)}[{extra}]"
    return ["-e", clone] if noted.dir_info.get("editable") else [clone]


def short(path: Path, here: Path) -> str:
    """A path from here, where it lies below; it begins with `.` where pip or a shell would take it for a name."""
    if not path.is_relative_to(here):
        return str(path)
    found = str(path.relative_to(here))
    return found if "/" in found or found == "." else f"./{found}"
