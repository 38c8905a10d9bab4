"""Prints keys and groups. No digit of a secret, or of its digest, is ever shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import click
import msgspec

from headworks.cli.tables import Output
from headworks.core.key import UNLIMITED, Allowance, numbered_name
from headworks.core.money import written_dollars
from headworks.core.per import Per, SessionLimits, UserLimits
from headworks.ledger.keys import Earlier
from headworks.system.syntax.scalars import written_count


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key or a group. origin: the system `file`, or `made` by a command. former: secrets before that are still good. number: the
    so many key of its name; earlier: those before it."""

    kind: str
    name: str
    origin: str
    state: str
    group: str = ""
    models: Sequence[str] = ()
    tags: Sequence[str] = ()
    allowance: Allowance = UNLIMITED
    created_at: float = 0.0
    expires_at: float = 0.0
    former: int = 0
    number: int = 1
    earlier: Sequence[Earlier] = ()


class FormerKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that had the name before: what records call it, and the nano-dollars that it spent in all."""

    name: str
    created_at: float
    ended_at: float
    spent: int


class KeyDetails(msgspec.Struct, frozen=True, kw_only=True):
    """The same with the nano-dollars that were spent since an instant (seconds since 1970; 0: ever)."""

    of: KeyView
    spent: int
    since: int
    before: Sequence[FormerKey] = ()


def show_list(found: Sequence[KeyView], *, as_json: bool) -> None:
    """Prints a table; with --json one object a line."""
    if as_json:
        for one in found:
            click.echo(msgspec.json.encode(one))
        return
    if not found:
        click.echo("no keys: anyone on this machine may call (`headworks keys create NAME` creates one)")
        return
    output = Output()
    is_again = any(one.number > 1 for one in found)  # commands take the name; logs and sums say which key of it
    table = output.table(
        "", "name", *(["in logs"] if is_again else []), "from", "state", "group", "models", "limits", "budget", "tags"
    )
    for one in found:
        models = ", ".join(one.models) or "all"
        limits, budget = limits_of(one.allowance), budget_of(one.allowance)
        limits = ", ".join([limits, *[f"per {kind}" for kind, _ in parts_of(one.allowance)]]).removeprefix(", ")
        shown = models if one.kind == "key" else ""
        table.add_row(
            one.kind,
            one.name,
            *([numbered_name(one.name, one.number)] if is_again else []),
            one.origin,
            one.state,
            one.group,
            shown,
            limits,
            budget,
            ", ".join(one.tags),
        )
    output.print(table)


def show_key(whole: KeyDetails, *, as_json: bool) -> None:
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
    lines += [(f"per {kind}", said) for kind, said in parts_of(one.allowance)]
    lines.append(("budget", budget_of(one.allowance)))
    lines.append(
        ("spent", f"{written_dollars(whole.spent)} {'since ' + when(whole.since) if whole.since else 'in all'}")
    )
    if one.number > 1:
        lines.insert(0, ("in logs", numbered_name(one.name, one.number)))
    lines += [
        ("before", f"{key.name}, {when(key.created_at)} to {when(key.ended_at)}: {written_dollars(key.spent)}")
        for key in whole.before
    ]
    click.echo(f"{one.kind} {one.name}")
    Output().pairs([(f"{title:<7}", said) for title, said in lines if said])


def show_changed(one: KeyView, *, as_json: bool) -> None:
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


def limits_of(allowance: Allowance | UserLimits | SessionLimits) -> str:
    named = {"rpm": allowance.rpm, "tpm": allowance.tpm, "at once": allowance.concurrency}
    return ", ".join(f"{written_count(number)} {name}" for name, number in named.items() if number is not None)


def parts_of(allowance: Allowance) -> list[tuple[str, str]]:
    """The limits of each user and of each session, in words."""
    per = allowance.per or Per()
    found: list[tuple[str, str]] = []
    for kind, limits in (("user", per.user), ("session", per.session)):
        if limits is not None:
            calls = limits.calls if isinstance(limits, SessionLimits) else None
            said = [limits_of(limits), "" if calls is None else f"{written_count(calls)} calls", budget_of(limits)]
            found.append((kind, ", ".join(filter(None, said))))
    return found


def budget_of(allowance: Allowance | UserLimits | SessionLimits) -> str:
    budget = allowance.budget
    if budget is None:
        return ""
    return f"{written_dollars(budget.amount)} {'in all' if budget.every == 'total' else 'every ' + budget.every}"


def when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
