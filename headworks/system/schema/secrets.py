"""Secrets: where they come from, and a type that keeps them from going anywhere.

Always true: nothing here prints a value. A message names the variable or the file, `repr` and `str` show the
reference, and neither pickle nor msgspec can encode a `Secret`. Who needs the value calls `reveal()`, which can be
searched for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hmac import compare_digest
from pathlib import Path
from typing import NoReturn

from headworks.system.syntax.scalars import Unreadable, shown
from headworks.wire.presets import PRESETS

MOST_BYTES = 64 * 1024
"""A secret's file is at most this long: the longest keys in use, service account files, have about 2.5 KB."""

LITERAL = "(literal)"

_REFERENCE = re.compile(r"\$\{([^}$]*)\}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FOREIGN = re.compile(
    r"(?<!\S)(?:\$([A-Z_][A-Z0-9_]*)|%([A-Z_][A-Z0-9_]*)%|(?:os\.environ/|env:|env\.)([A-Za-z_][A-Za-z0-9_]*)"
    r"|\$\(([A-Z_][A-Z0-9_]*)\)|\{\{ ?(?:env\.)?([A-Z_][A-Z0-9_]*) ?\}\})(?!\S)"
)
"""References as a shell, Windows, other gateways and templates write them: as a whole word, they are no secret."""


class Secret:
    """A value that is never shown. `reference` is how the system file writes it, `(literal)` where it is in the file."""

    __slots__ = ("_value", "reference")

    def __init__(self, value: str, reference: str = LITERAL) -> None:
        self._value = value
        self.reference = reference

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    @property
    def is_literal(self) -> bool:
        return self.reference == LITERAL

    def __repr__(self) -> str:
        return f"Secret({self.reference})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not copied or pickled")


class PrivateUrl(Secret):
    """The URL of a server, with or without a password. `str` shows the URL as it is written: without its password, where that
    is no reference (then `has_literal_password`)."""

    __slots__ = ("has_literal_password",)

    def __init__(self, value: str, written: str | None = None) -> None:
        written = value if written is None else written
        super().__init__(value, _with_masked_passwords(written))
        self.has_literal_password = self.reference != written

    def __str__(self) -> str:
        return self.reference


_OPTION = re.compile(r"[?&][^?&#]*")
_SECRET_OPTIONS = ("password", "token", "secret")


def _with_masked_passwords(written: str) -> str:
    """A URL as it may be shown: without a password before its host, or in one of its options."""
    scheme, slashes, rest = written.partition("://")
    ends = [place for mark in "/?#" if (place := rest.find(mark)) >= 0]
    authority = rest[: min(ends, default=len(rest))]
    user, colon, password = authority.rpartition("@")[0].partition(":")
    if colon:
        rest = f"{user}:{_masked(password)}{rest[len(user) + len(colon) + len(password) :]}"
    return f"{scheme}{slashes}{_OPTION.sub(_masked_option, rest)}"


def _masked_option(found: re.Match[str]) -> str:
    name, equals, value = found[0].partition("=")
    return f"{name}={_masked(value)}" if equals and name.endswith(_SECRET_OPTIONS) and value else found[0]


def _masked(password: str) -> str:
    return password if not _REFERENCE.sub("", password) else "..."


class Sources:
    """Resolves references in the environment, and in files relative to the system file's folder."""

    def __init__(self, env: Mapping[str, str], folder: Path) -> None:
        self.env = env
        self.folder = folder

    def resolve(self, text: str) -> Secret:
        """The secret that a text stands for: references are replaced, the rest is taken as it is. Raises Unreadable."""
        parts = []
        at = 0
        for match in _REFERENCE.finditer(text):
            parts += [text[at : match.start()], self._look_up(match[1])]
            at = match.end()
        parts.append(text[at:])
        for part in parts[::2]:
            if foreign := _FOREIGN.search(part):
                name = next(filter(None, foreign.groups()))
                raise Unreadable(
                    f"{shown(foreign[0])} would be sent as it stands: nothing here reads a variable so",
                    f"write ${{env:{name}}}",
                )
        if "${" in "".join(parts[::2]):
            raise Unreadable("a `${` is not closed", "write ${env:NAME} or ${file:PATH}")
        value = "".join(parts)
        if not value:
            raise Unreadable("the secret is empty", "write ${env:NAME} or ${file:PATH}")
        # The words around a reference may be secret themselves (`Basic abc...`), so they do not show either.
        reference = LITERAL if at == 0 else "...".join(match[0] for match in _REFERENCE.finditer(text))
        return Secret(value, reference)

    def shown(self, path: str) -> str:
        """The name in messages of a file that the system file names."""
        return path if str(self.folder) == "." else str(self.folder / path)

    def text(self, path: str, most: int) -> str:
        """The text of a file that the system file names, at most so many bytes of UTF-8. Raises Unreadable."""
        try:
            with (self.folder / path).open("rb") as file:
                content = file.read(most + 1)
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise Unreadable(f"{shown(path)} is not UTF-8 text", "save it as UTF-8") from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a path"
            remedy = "the path is relative to the system file's folder"
            raise Unreadable(f"{shown(path)} cannot be read: {reason}", remedy) from None
        if len(content) > most:
            raise Unreadable(f"{shown(path)} is longer than {most} bytes", "is it the right file?")
        return text

    def url(self, text: str) -> PrivateUrl:
        """The same for the URL of a server of ours. Raises Unreadable."""
        return PrivateUrl(self.resolve(text).reveal(), text)

    def _look_up(self, reference: str) -> str:
        kind, _, name = reference.partition(":")
        if kind == "env" and _VARIABLE.fullmatch(name):
            return self._variable(name)
        if kind == "file" and name:
            return self._file(name)
        variable = _VARIABLE.fullmatch(reference.partition(":-")[0])
        meant = f"${{env:{variable[0]}}}" if variable else "${env:NAME} or ${file:PATH}"
        raise Unreadable(f"{shown('${' + reference + '}')} is not a known kind of reference", f"write {meant}")

    def _variable(self, name: str) -> str:
        value = self.env.get(name)
        if value is None:
            raise Unreadable(
                f"the environment variable {name} is not set", f"set it before the start: export {name}=..."
            )
        if not value:
            raise Unreadable(f"the environment variable {name} is empty", f"give it a value: export {name}=...")
        return value

    def _file(self, name: str) -> str:
        path = self.folder / name
        try:
            with path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
            value = content.decode()
        except UnicodeDecodeError:
            raise Unreadable(f"the secret file {shown(name)} is not UTF-8 text", "store the secret as text") from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a path"
            raise Unreadable(
                f"the secret file {shown(name)} cannot be read: {reason}",
                "the path is relative to the system file's folder",
            ) from None
        if len(content) > MOST_BYTES:
            raise Unreadable(
                f"the secret file {shown(name)} is longer than 64 KiB", "store nothing but the secret in it"
            )
        value = value.rstrip("\r\n")
        if not value:
            raise Unreadable(f"the secret file {shown(name)} is empty", "store the secret in it")
        return value


def named_variables(content: bytes, env: Mapping[str, str]) -> dict[str, str]:
    """The variables of an environment that a system file names: all that its references can need."""
    names = {name.decode() for name in re.findall(rb"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}", content)}
    # A vendor's word implies the variable of its key. One too many does no harm.
    names |= {name for preset in PRESETS if preset.word.encode() in content for name in preset.keys}
    return {name: env[name] for name in sorted(names) if name in env}
