"""The notations of values in the system file: how each unit is read, written, matched by an editor, and named in messages.

A field says which notation it has by `msgspec.Meta(extra={"unit": ...})`; the reader, the JSON Schema and the reference
page all look here, so they cannot disagree. A pattern may take a little more than its reader (an editor need not know
that 1.2345k is no whole number), never less.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

import msgspec

from headworks.core.money import written_dollars
from headworks.http.proxy import Proxy
from headworks.policy.circuit import Pause
from headworks.policy.retry import Backoff
from headworks.system.schema.requirements import bound
from headworks.system.syntax.scalars import (
    BYTES,
    NUMBER,
    SECONDS,
    THOUSANDS,
    Unreadable,
    count,
    duration,
    instant,
    money,
    rate,
    share,
    shown,
    size,
    written_count,
    written_duration,
    written_instant,
    written_rate,
    written_share,
    written_size,
)
from headworks.system.syntax.setting_path import setting_path

NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
CALLED: Final = r"[A-Za-z0-9*][A-Za-z0-9._:/@+*-]{0,127}"
ALIAS: Final = r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}"
VARIABLE: Final = r"[A-Za-z][A-Za-z0-9_]{0,63}"
TOKEN: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}"
"""A header's name, as RFC 9110 has it."""
SOURCE: Final = rf"header:{TOKEN}|body:[^.\x00-\x20]{{1,64}}(?:\.[^.\x00-\x20]{{1,64}}){{0,7}}"


class Notation(msgspec.Struct, frozen=True):
    """One unit. `noun` is what messages and the reference call it; `is_number`: an editor may see a number there too."""

    noun: str
    example: str
    pattern: str
    read: Callable[[str], object]
    write: Callable[..., str] = str
    is_number: bool = False


def _matching(noun: str, pattern: str, remedy: str) -> Callable[[str], str]:
    matches = re.compile(pattern, re.ASCII).fullmatch

    def read(text: str) -> str:
        if matches(text):
            return text
        raise Unreadable(f"{shown(text)} is not {noun}", remedy)

    return read


def path(text: str) -> str:
    """A path on this machine, as it was written; who opens it starts from the system file's folder."""
    if not text or "\0" in text or "\n" in text:
        raise Unreadable(f"{shown(text)} is not a path", "write the path of a file or folder")
    return text


def store(text: str) -> str:
    """The ledger's store: `sqlite:///` and a path, which is relative unless a fourth slash begins it; or
    `postgresql://`. What is wrong is not quoted: a password may be in it."""
    if text.startswith("sqlite:///") and not re.search(r"[?#\0\n]", text) and text.rstrip("/") != "sqlite:":
        return text
    if re.match("postgres(ql)?://", text):
        _server(text)
        return text
    raise Unreadable(
        "this is not a store",
        "write sqlite:/// and a path, such as sqlite:///.headworks/ledger.db, or postgresql://user@host/database",
    )


def state(text: str) -> str:
    """The store of shared counts: `memory`, `embedded`, or the URL of a Valkey or Redis. The URL is never quoted."""
    if text in ("memory", "embedded"):
        return text
    if re.match("(redis|valkey)s?://", text):
        _server(text)
        return text
    if re.fullmatch(r"unix:///[^?#\0\n]+", text):
        return text
    raise Unreadable(
        "this is not a state",
        "write memory, embedded, or the URL of a Valkey or Redis, such as redis://user:password@host:6379/0 (rediss: TLS)",
    )


def _server(text: str) -> None:
    """Raises Unreadable for what is no URL of a server."""
    try:
        parts = urlsplit(text)
        is_url = re.fullmatch(r"[!-~]+", text) is not None and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise Unreadable(
            "this is not a URL",
            "write user:password@host:port; percent-encode what is special in a password (@ is %40)",
        )


def url(text: str) -> str:
    """An absolute http or https URL without a slash at its path's end, without credentials and fragment. Its query goes
    with every request."""
    remedy = "write scheme, host and path, such as https://api.example.com/v1"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise Unreadable(f"{shown(text)} is not a URL", remedy) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not re.fullmatch(r"[!-~]+", text) or port == 0:
        raise Unreadable(f"{shown(text)} is not an http or https URL", remedy)
    if "@" in parts.netloc:
        # The text is not quoted: what stands before the @ is a secret.
        raise Unreadable(
            "credentials do not belong in a URL", "put the key into `api_key`, other headers into `headers`"
        )
    if "#" in text:
        raise Unreadable(f"{shown(text)} has a fragment", "end the URL with its path or query")
    path, _, query = text.partition("?")
    return path.rstrip("/") + (f"?{query}" if query else "")


def proxy(text: str) -> str:
    """A provider's proxy URL. A wrong one is not quoted: it may contain a password."""
    if text == "none":
        return text
    try:
        if "@" in text and "://" not in text:
            raise ValueError("its scheme is missing")
        Proxy.parse(text)
    except ValueError as error:
        raise Unreadable(
            f"this is not a proxy: {error}", "write http://host:port or http://user:${env:PASSWORD}@host:port, or none"
        ) from None
    return text


def origin(text: str) -> str:
    """An origin as browsers send it: scheme, host and port, nothing else; or `*`."""
    if text == "*" or re.fullmatch(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?", text):
        return text
    remedy = "write what browsers send: lower case, no path, no slash at the end, such as https://app.example.com; or *"
    raise Unreadable(f"{shown(text)} is not an origin", remedy)


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """An address to listen on. `host` is a name or an IP address without brackets; port 0 takes any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


def address(text: str) -> Address:
    """An address from `127.0.0.1:8080`, `[::1]:8080` or `localhost:8080`."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})", text)
    if match and int(match[3]) < 65536 and _is_host(match[1], match[2]):
        return Address(host=match[1] or match[2], port=int(match[3]))
    remedy = "write host and port, such as 127.0.0.1:8080 or [::1]:8080 (0.0.0.0:8080 for every IPv4 network)"
    raise Unreadable(f"{shown(text)} is not an address to listen on", remedy)


def _is_host(in_brackets: str | None, plain: str | None) -> bool:
    if in_brackets is None and re.search(r"[A-Za-z]", plain or ""):
        return True  # a name; whether it resolves shows at the start
    try:
        return ip_address(in_brackets or plain or "").version == (6 if in_brackets else 4)
    except ValueError:
        return False


def span(text: str) -> Backoff:
    """The bounds of a pause from `100ms..5s`."""
    if ".." not in text:
        raise Unreadable(f"{shown(text)} is not a range of durations", "write the shortest and the longest: 100ms..5s")
    shortest, longest = _range_bounds(text, "100ms..5s")
    return Backoff(shortest=shortest, longest=longest)


def _range_bounds(text: str, example: str) -> tuple[float, float]:
    shortest, _, longest = text.partition("..")
    ends = duration(shortest), duration(longest)
    if not 0 < ends[0] <= ends[1]:
        raise Unreadable(
            f"{shown(text)} must begin above zero and end later", f"write the shorter one first: {example}"
        )
    return ends


def pause(text: str) -> Pause:
    """How long a circuit stays open, from `5s..15s`; from `5s` only where it begins."""
    if ".." in text:
        shortest, longest = _range_bounds(text, "5s..15s")
        return Pause(shortest=shortest, longest=longest)
    if (shortest := duration(text)) == 0:
        raise Unreadable(f"{shown(text)} is too small", "it must be more than 0")
    return Pause(shortest=shortest)


def written_pause(pause: Pause) -> str:
    shortest = written_duration(pause.shortest)
    return shortest if pause.longest is None else f"{shortest}..{written_duration(pause.longest)}"


def written_span(pause: Backoff) -> str:
    return f"{written_duration(pause.shortest)}..{written_duration(pause.longest)}"


def region(text: str) -> str:
    """The name of a region, in lower case: `EU` and `eu` are one."""
    return _REGION(text).lower()


_REGION = _matching(
    "a region", NAME, "use up to 64 letters, digits, dots, dashes and underscores, such as eu; several as [eu, ch]"
)


def retention(text: str) -> float:
    """For how long a vendor keeps what it is sent: seconds; 0 for `none`."""
    if text == "none":
        return 0.0
    try:
        return duration(text)
    except Unreadable:
        raise Unreadable(f"{shown(text)} is not a retention", "write none, or a duration such as 30d") from None


def written_retention(seconds: float) -> str:
    return written_duration(seconds) if seconds else "none"


def setting(text: str) -> str:
    """The path of a value in the file. Raises Unreadable."""
    setting_path(text)
    return text


_DURATION = f"{NUMBER}(?:{'|'.join(SECONDS)})"

NOTATIONS: Final[Mapping[str, Notation]] = MappingProxyType(
    {
        "seconds": Notation("a duration", "800ms", _DURATION, duration, written_duration),
        "span": Notation("a range of durations", "100ms..5s", rf"{_DURATION}\.\.{_DURATION}", span, written_span),
        "pause": Notation(
            "a duration or a range", "5s..15s", rf"{_DURATION}(?:\.\.{_DURATION})?", pause, written_pause
        ),
        "count": Notation(
            "a count", "100k", f"{NUMBER}(?:{'|'.join(filter(None, THOUSANDS))})?", count, written_count, is_number=True
        ),
        "bytes": Notation("a size", "10MB", f"{NUMBER}(?:{'|'.join(BYTES)})", size, written_size),
        "rate": Notation("a price of tokens", "$0.25/M", rf"\${NUMBER}/[kM]", rate, written_rate),
        "money": Notation("an amount of money", "$50", rf"\${NUMBER}", money, written_dollars),
        "instant": Notation(
            "a date",
            "2027-01-31",
            r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]+(?:Z|[+-][0-9:]+)?)?",
            instant,
            written_instant,
        ),
        "tag": Notation(
            "a tag",
            "team:search",
            ALIAS,
            _matching("a tag", ALIAS, "use up to 128 letters, digits and . _ - : / @ +; a letter or digit first"),
        ),
        "share": Notation("a share", "0.5%", f"{NUMBER}%", share, written_share),
        "bound": Notation(
            "a bound", "800ms", rf"\${NUMBER}|{NUMBER}(?:rps|%|{'|'.join(SECONDS)})?", bound, str, is_number=True
        ),
        "path": Notation("a path", "certificates/vendor.pem", r"[^\n]+", path),
        "setting": Notation("the path of a setting", "models.assistant.mid_stream", r"[^\n]+", setting),
        "state": Notation(
            "a state", "embedded", r"memory|embedded|(?:redis|valkey)s?://[!-~]+|unix:///[^?#\n]+|.*\$\{.*", state
        ),
        "store": Notation(
            "a store", "sqlite:///.headworks/ledger.db", r"sqlite:///[^?#\n]+|postgres(?:ql)?://[!-~]+|.*\$\{.*", store
        ),
        "url": Notation("a URL", "https://api.example.com/v1", r"https?://[^#@?\s]+(?:\?[^#\s]*)?", url),
        "api_version": Notation(
            "a version of an API",
            "2024-10-21",
            r"[a-z0-9][a-z0-9-]{0,31}",
            _matching("a version of an API", r"[a-z0-9][a-z0-9-]{0,31}", "such as 2024-10-21 or preview"),
        ),
        "region": Notation("a region", "eu", NAME, region),
        "retention": Notation("a retention", "30d", f"none|{_DURATION}", retention, written_retention),
        "proxy": Notation("a proxy", "http://proxy:3128", r"none|[^\s]+", proxy),
        "address": Notation(
            "an address", "127.0.0.1:8080", r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}", address
        ),
        "origin": Notation("an origin", "https://app.example.com", r"\*|[a-z][a-z0-9+.-]*://[^/]+", origin),
        "name": Notation(
            "a name",
            "vendor-1",
            NAME,
            _matching(
                "a name", NAME, "use up to 64 letters, digits, dots, dashes and underscores; a letter or digit first"
            ),
        ),
        "alias": Notation(
            "an alias",
            "assistant",
            ALIAS,
            _matching(
                "a name for a model", ALIAS, "use up to 128 letters, digits and . _ - : / @ +; a letter or digit first"
            ),
        ),
        "called": Notation(
            "an alias",
            "assistant",
            CALLED,
            _matching(
                "a name for a model",
                CALLED,
                "use up to 128 letters, digits and . _ - : / @ +; a letter or digit first; one * where it is `same_as` another",
            ),
        ),
        "variable": Notation(
            "a variable's name",
            "text",
            VARIABLE,
            _matching("a variable's name", VARIABLE, "use letters, digits and underscores; a letter first"),
        ),
        "header": Notation(
            "a header name",
            "x-team",
            TOKEN,
            _matching("a header's name", TOKEN, "use letters, digits and dashes, such as x-team"),
        ),
        "source": Notation(
            "a place in a call",
            "header:x-thread",
            SOURCE,
            _matching("a place in a call", SOURCE, "write header:x-thread, or body:metadata.thread_id"),
        ),
    }
)
