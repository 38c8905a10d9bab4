"""`headworks check --live`: asks the vendors whether key, model and address are right. What costs is said and asked for first."""

from __future__ import annotations

from pathlib import Path

import click
import uvloop

from headworks.core.money import written_dollars
from headworks.gateway.live import Asking
from headworks.gateway.live_verdict import Live
from headworks.system.schema.system import System


def ask_vendors(system: System, folder: Path, *, is_agreed: bool, is_quiet: bool) -> list[Live]:
    """What was found of each vendor's target. is_agreed: calls that cost may be made without asking. is_quiet: nothing is
    printed and nobody is asked, so without is_agreed nothing that costs is done."""
    return uvloop.run(_ask(system, folder, is_agreed=is_agreed, is_quiet=is_quiet))


async def _ask(system: System, folder: Path, *, is_agreed: bool, is_quiet: bool) -> list[Live]:
    async with Asking(system, folder) as asking:
        found = {name: await asking.by_list(name) for name in asking.targets}
        left = [name for name, live in found.items() if live is None]
        may_call = is_agreed or (not is_quiet and agreed(left, asking.costs(left)))
        for name in left:
            if may_call:
                found[name] = await asking.by_call(name)
            else:
                why = (
                    "the vendor's list of models does not settle it, and a test call was not confirmed (--yes confirms)"
                )
                found[name] = Live(target=name, verdict="cannot say", why=why)
        return [live for live in found.values() if live is not None]


def agreed(targets: list[str], cost: int | None) -> bool:
    """Whether the user at the terminal agrees to one short call to each of these targets."""
    if not targets:
        return True
    price = "an unknown price" if cost is None else f"{written_dollars(cost)} at most"
    click.echo(f"the vendors' lists of models do not settle these targets: {', '.join(targets)}")
    try:
        return click.confirm(f"Send each one short test call, for {price} in all?", default=False)
    except click.Abort:
        click.echo()
        return False
