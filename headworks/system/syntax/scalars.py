"""The notations of numbers in the system file, both ways.

Always true: what one of these functions returns is finite and exact to the digit that was written (`300ms` is `0.3`,
not `0.30000000000000004`); what it does not take raises `Unreadable` with a remedy, whatever the text. YAML's own
guesses have no say: a scalar arrives here as the text that was written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

NUMBER = r"[0-9]{1,12}(?:\.[0-9]{1,9})?"
"""Twelve digits are enough for every quantity here, and keep a hostile file from building numbers of a megabyte."""

SECONDS: Mapping[str, Decimal] = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
THOUSANDS: Mapping[str, int] = {"": 1, "k": 1000, "M": 1_000_000, "G": 1_000_000_000}
BYTES: Mapping[str, int] = {
    "B": 1,
    "kB": 1000,
    "KB": 1000,
    "MB": 1_000_000,
    "GB": 1_000_000_000,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
}

LONGEST = 3650 * 86400
"""Seconds. No timer needs ten years, and event loops do not take much more."""

_MOST_SHOWN = 60


class Unreadable(ValueError):
    """A text that its type cannot read. Never leaves `system/`: the reader adds the place and makes it a Problem."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


def shown(text: str) -> str:
    """A text as messages quote it: on one line, no control characters, not endless."""
    clipped = text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
    return "`" + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in clipped) + "`"


def _split(text: str, units: Mapping[str, object]) -> tuple[Decimal, str] | None:
    match = re.fullmatch(f"({NUMBER})({'|'.join(units)})", text)
    return (Decimal(match[1]), match[2]) if match else None


def _whole(value: Decimal) -> int | None:
    return int(value) if value == value.to_integral_value() else None


def duration(text: str) -> float:
    """Seconds from `800ms`, `4s`, `2m`, `1h`, `30d`."""
    if split := _split(text, SECONDS):
        value, unit = split
        if (seconds := value * SECONDS[unit]) > LONGEST:
            raise Unreadable(f"{shown(text)} is too long", "write at most 3650d")
        return float(seconds)
    remedy = "write a number and a unit: 800ms, 4s, 2m, 1h or 30d"
    if re.fullmatch(NUMBER, text):
        remedy = f"a duration needs its unit: {text}s or {text}ms?"
    raise Unreadable(f"{shown(text)} is not a duration", remedy)


def written_duration(seconds: float) -> str:
    """The shortest notation that reads as this many seconds."""
    exact = Decimal(repr(seconds))
    for unit in ("d", "h", "m", "s"):
        if (number := exact / SECONDS[unit]) >= 1 and (whole := _whole(number)) is not None:
            return f"{whole}{unit}"
    return f"{exact:f}s" if exact >= 1 else f"{(exact * 1000).normalize():f}ms"


def count(text: str) -> int:
    """A whole number from `600`, `100k`, `2M`, `1.5k`."""
    if split := _split(text, THOUSANDS):
        value, unit = split
        if (whole := _whole(value * THOUSANDS[unit])) is not None:
            return whole
    raise Unreadable(f"{shown(text)} is not a count", "write a whole number: 600, 100k or 2M")


def written_count(number: int) -> str:
    for unit in ("M", "k"):
        if number and number % THOUSANDS[unit] == 0:
            return f"{number // THOUSANDS[unit]}{unit}"
    return str(number)


def size(text: str) -> int:
    """Bytes from `512B`, `64kB`, `10MB`, `1GiB`."""
    if split := _split(text, BYTES):
        value, unit = split
        if (whole := _whole(value * BYTES[unit])) is not None:
            return whole
    remedy = "write a number and a unit: 512B, 64kB, 10MB, 1GB (or KiB, MiB, GiB)"
    if re.fullmatch(r"[0-9]{1,12}", text):
        remedy = f"a size needs its unit: {text}B or {text}MB?"
    raise Unreadable(f"{shown(text)} is not a size", remedy)


def written_size(number: int) -> str:
    for unit in ("GB", "MB", "kB"):
        if number and number % BYTES[unit] == 0:
            return f"{number // BYTES[unit]}{unit}"
    return f"{number}B"


def rate(text: str) -> int:
    """Nano-dollars per million tokens from `$0.25/M` or `$0.002/k`."""
    if (match := re.fullmatch(rf"\$({NUMBER})/([kM])", text)) is not None:
        nano = Decimal(match[1]) * (1_000_000_000 if match[2] == "M" else 1_000_000_000_000)
        return int(nano)  # whole: a number has at most nine decimals
    remedy = "write dollars per million or per thousand tokens: $0.25/M or $0.002/k"
    if re.fullmatch(rf"\$?{NUMBER}", text):
        remedy = f"say for how many tokens: ${text.removeprefix('$')}/M?"
    raise Unreadable(f"{shown(text)} is not a price of tokens", remedy)


def written_rate(nano: int) -> str:
    dollars = f"{Decimal(nano).scaleb(-9):f}"
    return f"${dollars.rstrip('0').rstrip('.') if '.' in dollars else dollars}/M"


def money(text: str) -> int:
    """Nano-dollars from `$50` or `$0.004`."""
    if match := re.fullmatch(rf"\$({NUMBER})", text):
        return int(Decimal(match[1]) * 1_000_000_000)  # whole: a number has at most nine decimals
    remedy = "write dollars: $50 or $0.004"
    if re.fullmatch(NUMBER, text):
        remedy = f"an amount is in dollars: ${text}?"
    raise Unreadable(f"{shown(text)} is not an amount of money", remedy)


def instant(text: str) -> float:
    """Seconds since 1970 from `2027-01-31` (when that day begins) or `2027-01-31T12:00Z`; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Unreadable(f"{shown(text)} is not a date", "write 2027-01-31, or 2027-01-31T12:00Z") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return found.timestamp()


def written_instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def share(text: str) -> float:
    """A part of one from `20%` or `0.5%`."""
    if (split := _split(text, {"%": 1})) and split[0] <= 100:
        return float(split[0] / 100)
    remedy = "write a percentage from 0% to 100%, such as 20% or 0.5%"
    if re.fullmatch(r"0?\.[0-9]{1,9}|[01]", text):
        remedy = f"a share is a percentage: {(Decimal(text) * 100).normalize():f}%?"
    raise Unreadable(f"{shown(text)} is not a share", remedy)


def written_share(part: float) -> str:
    percent = (Decimal(repr(part)) * 100).normalize()
    return f"{percent:f}%"


def number(text: str) -> float:
    """A plain number: `3`, `0.5`, `-2`."""
    if re.fullmatch(f"-?{NUMBER}", text):
        return float(text)
    raise Unreadable(f"{shown(text)} is not a number", "write digits, such as 3 or 0.5")


def integer(text: str) -> int:
    """A plain whole number: `7`, `-2`."""
    if re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    raise Unreadable(f"{shown(text)} is not a whole number", "write digits, such as 7")


def boolean(text: str) -> bool:
    """`true` or `false`; not `yes`, `on` or `1`."""
    if text in ("true", "false"):
        return text == "true"
    raise Unreadable(f"{shown(text)} is neither true nor false", "write true or false")
