"""How keys and groups are shown. No digit of a secret, or of its digest, is ever shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import click
import msgspec

from headworks.cli.paper import Paper
from headworks.core.key import FREELY, Allowance, nth_name
from headworks.core.money import written_dollars
from headworks.ledger.keys import Earlier
from headworks.system.syntax.scalars import written_count


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A key or a group. origin: the system `file`, or `made` by a command. former: secrets before that are still good. number: the
    so many key of its name; earlier: those before it."""

    kind: str
    name: str
    origin: str
    state: str
    group: str = ""
    models: Sequence[str] = ()
    tags: Sequence[str] = ()
    allowance: Allowance = FREELY
    created_at: float = 0.0
    expires_at: float = 0.0
    former: int = 0
    number: int = 1
    earlier: Sequence[Earlier] = ()


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """A key that had the name before: what records call it, and the nano-dollars that it spent in all."""

    name: str
    created_at: float
    ended_at: float
    spent: int


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """The same with the nano-dollars that were spent since an instant (seconds since 1970; 0: ever)."""

    of: Shown
    spent: int
    since: int
    before: Sequence[Before] = ()


def show_list(found: Sequence[Shown], *, as_json: bool) -> None:
    """Prints a table; with --json one object a line."""
    if as_json:
        for one in found:
            click.echo(msgspec.json.encode(one))
        return
    if not found:
        click.echo("no keys: anyone on this machine may call (`headworks keys create NAME` creates one)")
        return
    paper = Paper()
    is_again = any(one.number > 1 for one in found)  # commands take the name; logs and sums say which key of it
    table = paper.table(
        "", "name", *(["in logs"] if is_again else []), "from", "state", "group", "models", "limits", "budget", "tags"
    )
    for one in found:
        models = ", ".join(one.models) or "all"
        limits, budget = limits_of(one.allowance), budget_of(one.allowance)
        shown = models if one.kind == "key" else ""
        table.add_row(
            one.kind,
            one.name,
            *([nth_name(one.name, one.number)] if is_again else []),
            one.origin,
            one.state,
            one.group,
            shown,
            limits,
            budget,
            ", ".join(one.tags),
        )
    paper.print(table)


def show_key(whole: Whole, *, as_json: bool) -> None:
    """Prints one key or group, a line for each property."""
    if as_json:
        click.echo(msgspec.json.encode(whole))
        return
    one = whole.of
    lines = [("state", f"{one.state}, {'in the system file' if one.origin == 'file' else 'made by `headworks keys`'}")]
    if one.kind == "key":
        lines.append(("models", ", ".join(one.models) or "all"))
    lines += [("group", one.group), ("tags", ", ".join(one.tags)), ("limits", limits_of(one.allowance))]
    if one.created_at:
        lines.append(("created", when(one.created_at)))
    if one.expires_at:
        lines.append(("expires", when(one.expires_at)))
    if one.former:
        lines.append(("rotated", f"{one.former} former secrets are still valid"))
    lines.append(("budget", budget_of(one.allowance)))
    lines.append(
        ("spent", f"{written_dollars(whole.spent)} {'since ' + when(whole.since) if whole.since else 'in all'}")
    )
    if one.number > 1:
        lines.insert(0, ("in logs", nth_name(one.name, one.number)))
    lines += [
        ("before", f"{key.name}, {when(key.created_at)} to {when(key.ended_at)}: {written_dollars(key.spent)}")
        for key in whole.before
    ]
    click.echo(f"{one.kind} {one.name}")
    Paper().pairs([(f"{title:<7}", said) for title, said in lines if said])


def show_changed(one: Shown, *, as_json: bool) -> None:
    """Prints a key after a change."""
    if as_json:
        click.echo(msgspec.json.encode(one))
        return
    parts = [limits_of(one.allowance), budget_of(one.allowance)]
    parts += [", ".join(one.models), f"group {one.group}" if one.group else "", ", ".join(one.tags)]
    if one.expires_at:
        parts.append(f"until {when(one.expires_at)}")
    said = "; ".join(filter(None, parts)) or "no limits"
    click.echo(f"{one.name}: {said}; a running gateway applies it within a second")


def limits_of(allowance: Allowance) -> str:
    named = {"rpm": allowance.rpm, "tpm": allowance.tpm, "at once": allowance.concurrency}
    return ", ".join(f"{written_count(number)} {name}" for name, number in named.items() if number is not None)


def budget_of(allowance: Allowance) -> str:
    budget = allowance.budget
    if budget is None:
        return ""
    return f"{written_dollars(budget.amount)} {'in all' if budget.every == 'total' else 'every ' + budget.every}"


def when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
