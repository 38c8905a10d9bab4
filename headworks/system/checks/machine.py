"""This machine, as the checks of a system file ask for it: its files and its modules."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from headworks.http.certificates import complaint, context_of
from headworks.system.schema.system import Tls
from headworks.system.syntax.scalars import shown


class Machine:
    """Access to files and installed modules; tests replace it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has_module(self, name: str) -> bool:
        """Whether a module is installed; it is not imported."""
        try:
            return find_spec(name) is not None
        except ModuleNotFoundError:  # the package that it would be in
            return False

    def read(self, path: str, most: int) -> bytes:
        """The first bytes of a file that the system file names. Raises OSError or ValueError."""
        with (self.folder / path).open("rb") as file:
            return file.read(most)

    def tls_problem(self, tls: Tls) -> tuple[str, str]:
        """Why this certificate cannot be served with this key, as the key to blame (`cert`, `key` or "") and the problem; both
        empty where it can."""
        for name, path in (("cert", tls.cert), ("key", tls.key)):
            try:
                self.read(path, 1)
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a path"
                return name, f"{shown(path)} cannot be read: {reason}"
        try:
            context_of(self.folder / tls.cert, self.folder / tls.key)
        except (OSError, ValueError) as error:
            return "", complaint(error)
        return "", ""


class FullyInstalled(Machine):
    """A machine that has every module: for commands that start nothing that the file names."""

    def has_module(self, name: str) -> bool:
        return True

    def tls_problem(self, tls: Tls) -> tuple[str, str]:
        return "", ""
