"""The options of `headworks keys` for limits and budgets of a key or a group."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, get_args

import click
import msgspec

from headworks.cli.param_types import NotationType
from headworks.core.key import UNLIMITED, Allowance, Spending
from headworks.core.per import Estimate
from headworks.core.state import Window
from headworks.ledger.keys import Entry, Row

PARTS: Final[Mapping[str, str]] = MappingProxyType(
    {"models": "models", "tags": "tags", "group": "group", "expires": "expires_at"}
)
"""Options of a key that it may be without, with their fields."""


def limits(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that a key and a group have in common. What is not given is None."""
    for option in reversed(
        (
            click.option("--rpm", type=NotationType("count"), help="Requests per minute."),
            click.option("--tpm", type=NotationType("count"), help="Tokens per minute."),
            click.option("--concurrency", type=NotationType("count"), help="Calls in flight at once."),
            click.option(
                "--budget", type=NotationType("money"), help="Dollars that its calls may cost in each window: $50."
            ),
            click.option("--every", type=click.Choice(get_args(Window)), help="The budget's window."),
            click.option(
                "--estimate",
                type=click.Choice(get_args(Estimate)),
                help="How input tokens are estimated before a call (bytes by default).",
            ),
            click.option(
                "--alert",
                type=NotationType("share"),
                help="Share of the budget at which the log warns (80% by default).",
            ),
        )
    ):
        command = option(command)
    return command


def allowance(options: dict[str, Any], was: Allowance = UNLIMITED, without: Sequence[str] = ()) -> Allowance:
    """The limits that these options set; options that are not given keep the old value. Consumed options are removed."""
    rates = {name: given(options.pop(name), getattr(was, name), name in without) for name in RATES}
    parts = {name: options.pop(option) for name, option in SPENDING.items()}
    return Allowance(
        **rates,
        budget=spending(parts, None if "budget" in without else was.budget),
        per=was.per,
        fails_open=was.fails_open,
    )


RATES: Final = ("rpm", "tpm", "concurrency")
SPENDING: Final = MappingProxyType({"amount": "budget", "every": "every", "estimate": "estimate", "alert": "alert"})
"""The option for each part of a budget."""


def spending(parts: Mapping[str, Any], was: Spending | None) -> Spending | None:
    """A budget with what was said of it; None where nothing is."""
    said = {name: part for name, part in parts.items() if part is not None}
    if not said:
        return was
    if was is not None:
        return msgspec.structs.replace(was, **said)
    if "amount" not in said or "every" not in said:
        raise click.UsageError("a budget needs an amount and a window: --budget $50 --every 1d")
    return Spending(**said)


def given(value: Any, was: Any, is_without: bool) -> Any:
    return value if value is not None else None if is_without else was


def is_given(value: Any) -> bool:
    return value is not None and value != ()


def changed(was: Row | None, options: dict[str, Any], without: Sequence[str]) -> Entry:
    """A key after a change. Raises click.ClickException where it is revoked."""
    assert was is not None, "rows are never deleted"
    entry = was.entry
    if entry.revoked_at:
        raise click.ClickException(
            f"{was.name} was revoked: `headworks keys create {was.name}` creates a new key of that name"
        )
    allowed = allowance(options, entry.allowance, without)
    said = {PARTS.get(option, option): value for option, value in options.items() if is_given(value)}
    gone = {PARTS[one]: getattr(Entry(), PARTS[one]) for one in without if one in PARTS}
    return msgspec.structs.replace(entry, allowance=allowed, **said, **gone)
