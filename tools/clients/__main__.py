"""`make clients`: drives the clients of every API through the gateway to vendors of ours in every dialect.

It installs them (npm and PyPI, by locks with hashes) into the user's cache folder, then goes on in a network namespace without a
way out. Without arguments it tries every pair and writes `docs/clients.md`; with `--only` it renews the rows of these clients.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence

import msgspec

from tools.clients import namespace, outcome, page
from tools.clients.client import Client, Places
from tools.clients.gateway import VENDORS
from tools.clients.install import Uninstallable, installed
from tools.clients.long import CROSSING, long_runs, sessions
from tools.clients.run import failed, judge, run_all
from tools.clients.run import outcome as outcome_of
from tools.clients.scenarios import DOWN, SCENARIOS
from tools.clients.table import CLIENTS, LIGHT

JUDGES = {"pinned": ("chat", "responses", "anthropic", "gemini", "bedrock"), "light": ("chat", "anthropic", "bedrock")}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make clients ARGS=...", description=__doc__)
    parser.add_argument("--only", help=f"clients, by name: {', '.join(one.name for one in CLIENTS)}")
    parser.add_argument("--vendors", help=f"dialects of vendors: {', '.join(VENDORS)}")
    parser.add_argument("--scenarios", help="names of scenarios, as the page has them")
    parser.add_argument(
        "--light", action="store_true", help="two SDKs that install in seconds, three rounds and two faults"
    )
    parser.add_argument(
        "--long", action="store_true", help="200 turns with ten faults: Claude Code on Gemini, Codex on Anthropic"
    )
    parser.add_argument(
        "--session", metavar="BALANCE", help="20 sessions of an SDK on two targets: the vendor's cached tokens"
    )
    parser.add_argument("--jobs", type=int, default=4, help="pairs at once; they wait most of the time")
    parser.add_argument(
        "--no-namespace", action="store_true", help="do without isolation: clients may reach the network"
    )
    return parser.parse_args()


def chosen(asked: argparse.Namespace) -> list[Client]:
    names = asked.only.split(",") if asked.only else [one.name for one in CLIENTS]
    if asked.light:
        return [one._replace(column="light") for one in CLIENTS if one.name in LIGHT]
    if asked.long:
        names = ["claude-code", "codex"]
    elif asked.session:
        names = ["openai-chat"]
    if unknown := sorted({*names} - {one.name for one in CLIENTS}):
        raise SystemExit(f"clients: there is no {', '.join(unknown)}; see --help for their names")
    return [one for one in CLIENTS if one.name in names]


def places_of(clients: Sequence[Client], *, is_light: bool) -> dict[str, Places]:
    """Where each column is installed; what cannot be installed is said."""
    found: dict[str, Places] = {}
    for column in dict.fromkeys(["light" if is_light else "pinned", *(one.column for one in clients)]):
        try:
            found[column] = installed(column)
        except Uninstallable as error:
            print(f"clients: SKIPPED, the column `{column}` cannot be installed here: {error}", flush=True)
    return found


def main() -> int:
    asked = arguments()
    clients = chosen(asked)
    places = places_of(clients, is_light=asked.light)
    column = "light" if asked.light else "pinned"
    if column not in places:
        return 0 if asked.light else 2  # CI goes on without them, and has said so
    clients = [one for one in clients if one.column in places]
    if not namespace.is_inside() and not asked.no_namespace:
        status = namespace.enter("tools.clients", sys.argv[1:])
        if status is None:
            print("clients: SKIPPED, no network namespace can be made here, so clients could reach the network.")
            print("clients: run as root or allow user namespaces; or say --no-namespace if that is fine.")
            return 0 if asked.light else 2
        return status
    if namespace.is_inside():
        namespace.raise_loopback()
    return asyncio.run(inside(asked, clients, places, column))


async def inside(asked: argparse.Namespace, clients: list[Client], places: dict[str, Places], column: str) -> int:
    began = time.monotonic()
    judged = await judge(places[column], JUDGES[column])
    print(f"clients: {judged} answers of our vendor fit the vendors' own types", flush=True)
    if asked.long:
        found = await long_runs(clients, places["pinned"])
        if len(found) == len(CROSSING) and outcome.FILE.exists():
            write(msgspec.structs.replace(outcome.load(), long=found))
        return 1 if any(one.problems for one in found) else 0
    if asked.session:
        return await sessions(clients[0], places["pinned"], asked.session)
    vendors = asked.vendors.split(",") if asked.vendors else list(VENDORS)
    only = tuple(asked.scenarios.split(",")) if asked.scenarios else ()
    known = [one.name for one in (*SCENARIOS, DOWN)]
    if strange := sorted({*only} - {*known}):
        raise SystemExit(f"clients: there is no scenario {', '.join(strange)}; there are {', '.join(known)}")
    if asked.light:
        vendors, only = ["chat", "anthropic"], ("text", "tool", "20 turns", "cut", "budget spent")
    if unknown := sorted({*vendors} - {*VENDORS}):
        raise SystemExit(f"clients: there is no vendor {', '.join(unknown)}; there are {', '.join(VENDORS)}")
    cells = await run_all(clients, vendors, places, asked.jobs, only)
    wrong = failed(cells)
    print(f"clients: {len(cells)} pairs, {sum(one.runs for one in cells)} runs, {wrong} not passed and not excused")
    print(f"clients: {time.monotonic() - began:.0f} s", flush=True)
    if len(vendors) == len(VENDORS) and not only and not asked.light:
        said = outcome_of(clients, cells, began, judged, is_isolated=namespace.is_inside())
        if len(clients) < len(CLIENTS) and outcome.FILE.exists():
            said = outcome.merged(outcome.load(), said, [one.name for one in CLIENTS])
        write(said)
    return 1 if wrong else 0


def write(said: outcome.Outcome) -> None:
    outcome.save(said)
    page.write(said)
    print("clients: docs/clients.md is written")


if __name__ == "__main__":
    sys.exit(main())
