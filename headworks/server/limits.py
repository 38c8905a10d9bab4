"""The `x-ratelimit-` headers of every answer, as the official SDKs read them."""

from __future__ import annotations

from headworks.core.trail import Trail


def limited(trail: Trail) -> list[tuple[bytes, bytes]]:
    """`x-ratelimit-limit-`, `-remaining-` and `-reset-`, for requests and for tokens; of several limits the one with the
    smallest part left."""
    if trail.limits is None:
        return []
    found: dict[bytes, tuple[float, int, int, float]] = {}
    for rate, left, reset in zip(*trail.limits, strict=True):
        unit = b"requests" if rate.unit == "requests" else b"tokens"
        part = left / rate.size
        if unit not in found or part < found[unit][0]:
            found[unit] = (part, rate.size, left, reset)
    headers: list[tuple[bytes, bytes]] = []
    for unit, (_, size, left, reset) in found.items():
        headers += (
            (b"x-ratelimit-limit-" + unit, b"%d" % size),
            (b"x-ratelimit-remaining-" + unit, b"%d" % left),
            (b"x-ratelimit-reset-" + unit, spell(reset)),
        )
    return headers


def spell(seconds: float) -> bytes:
    """A duration as OpenAI's API spells it: `120ms`, `1.5s`, `6m0s`."""
    milliseconds = round(seconds * 1000)
    if milliseconds < 1000:
        return b"%dms" % milliseconds
    minutes, rest = divmod(milliseconds, 60_000)
    said = f"{rest / 1000:g}s"
    return (f"{minutes}m{said}" if minutes else said).encode()
