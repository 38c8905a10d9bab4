"""Whether `choices:` can be chosen: each path leads somewhere, and each value can be read where it is to be put.

Always true: what is wrong is told at the value's own place. Whether several values go together is not asked here: a search leaves out
what `check` refuses.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import perm
from typing import Final

from headworks.system.reader import Reader
from headworks.system.schema.choices import Choices, ExtraPrice
from headworks.system.schema.secrets import Sources
from headworks.system.schema.system import System
from headworks.system.syntax.changed_tree import NoSuchPlace, node_at, with_value
from headworks.system.syntax.findings import Findings, KeyPath, Position, format_path, suggestion
from headworks.system.syntax.nodes import MappingNode, Node, SequenceNode
from headworks.system.syntax.scalars import shown
from headworks.system.syntax.setting_path import setting_path

PARTS: Final = ("providers", "models", "keys", "groups", "server", "state")
"""The parts of the file that may vary: what is asked for stays as it is."""

NAMED: Final = ("providers", "models", "keys", "groups")
"""Maps whose names are the file's own: a choice makes no new one."""

MOST_ORDERS: Final = 2000
"""Orders of the targets of an alias: of six all."""

MOST_VALUES: Final = 200
"""Values in all: a system file has some hundred."""


def check_choices(system: System, root: Node, findings: Findings, sources: Sources) -> None:
    """Reports what is wrong with the choices of a file that is right without them."""
    choices = system.choices
    if choices is None or findings.errors:
        return
    offered = list(_offered(choices, root))
    if len(offered) > MOST_VALUES:
        findings.error(("choices",), f"there are {len(offered)} values", f"write at most {MOST_VALUES}")
        return
    _overlaps(
        list(dict.fromkeys(path for _, path, _ in offered)), {path: where for where, path, _ in offered}, findings
    )
    for where, path, value in offered:
        if _leads_somewhere(system, where[:3], path, findings):
            _reads(root, where, path, value, findings, sources)
    for alias, one in choices.targets.items():
        _counts(alias, len(one.any_of), one.at_least, one.at_most, findings)
    for name, values in choices.vary.items():
        if not values:
            findings.error(("choices", "vary", name), "there is no value", "write those that it may have: [1, 3]")
    for number, price in findings.indexed(("choices", "prices"), choices.prices):
        _price(system, price, ("choices", "prices", number), findings)


def _offered(choices: Choices, root: Node) -> Iterator[tuple[KeyPath, KeyPath, Node]]:
    """Every value that is offered: where it stands, where it is to be put, and itself."""
    for alias in choices.targets:
        where: KeyPath = ("choices", "targets", alias)
        written = node_at(root, where)
        if isinstance(written, MappingNode):
            where, written = (*where, "any_of"), node_at(root, (*where, "any_of"))
        for number, target in enumerate(items(written)):
            yield (*where, number), ("models", alias, "targets"), SequenceNode((target,), target.place)
    for name in choices.vary:
        where = ("choices", "vary", name)
        for number, value in enumerate(items(node_at(root, where))):
            yield (*where, number), setting_path(name), value


def items(node: Node | None) -> tuple[Node, ...]:
    """The items of a list, which may stand without its brackets where it has one."""
    if node is None:
        return ()
    return node.items if isinstance(node, SequenceNode) else (node,)


def _overlaps(paths: list[KeyPath], places: dict[KeyPath, KeyPath], findings: Findings) -> None:
    """Two choices about the same value would undo each other."""
    for one, other in combinations(paths, 2):
        short, long = sorted((one, other), key=len)
        if long[: len(short)] == short:
            problem = f"`{format_path(long)}` is a part of `{format_path(short)}`, which varies too"
            findings.error(places[long][:3], problem, "vary one of the two")


def _leads_somewhere(system: System, where: KeyPath, path: KeyPath, findings: Findings) -> bool:
    """Whether a path begins at something that is there and may vary."""
    part = str(path[0])
    if part not in PARTS or len(path) < (1 if part == "state" else 2):
        problem = f"`{format_path(path)}` cannot vary"
        findings.error(where, problem, f"write the path of a setting below one of {', '.join(PARTS)}")
        return False
    if part in NAMED and path[1] not in (known := getattr(system, part)):
        remedy = suggestion(str(path[1]), known, f"{part} of this file")
        findings.error(where, f"there is no {shown(f'{part}.{path[1]}')}", remedy)
        return False
    return True


def _reads(root: Node, where: KeyPath, path: KeyPath, value: Node, findings: Findings, sources: Sources) -> None:
    """Whether the reader takes a value where it is to be put."""
    place = findings.names.get(where[:3]) or Position(1, 1)
    try:
        tree = with_value(root, path, value, place)
    except NoSuchPlace as error:
        findings.error(
            where[:3], f"there is no `{format_path(error.where)}` with keys in it", "see what stands there in this file"
        )
        return
    tried = Findings(findings.file)
    system = Reader(tried, sources).system(tree)
    for problem in tried.errors:
        findings.add_problems(where, [problem])
    if system is None or tried.errors or path[0] != "models":
        return
    unknown = {target.provider for tier in system.models[str(path[1])].targets for target in tier} - set(
        system.providers
    )
    for name in sorted(unknown):
        remedy = suggestion(name, system.providers, "providers of this file")
        findings.error(where, f"there is no provider {shown(name)}", remedy, value.place)


def _counts(alias: str, known: int, at_least: int, at_most: int | None, findings: Findings) -> None:
    where: KeyPath = ("choices", "targets", alias)
    most = known if at_most is None else at_most
    orders = sum(perm(known, count) for count in range(at_least, most + 1))
    if orders > MOST_ORDERS:
        problem = f"{known} targets can be put in {orders} orders"
        remedy = f"write fewer, or how many one system has at most, {{any_of: [...], at_most: 2}}: {MOST_ORDERS} orders are the most"
        findings.error(where, problem, remedy)
    if not 1 <= at_least <= most <= known:
        problem = f"of {known} targets at least {at_least} and at most {most} cannot be chosen"
        findings.error(where, problem, f"write numbers from 1 to {known}, the smaller one as `at_least`")


def _price(system: System, price: ExtraPrice, where: KeyPath, findings: Findings) -> None:
    """Whether a price says what is paid, and for what."""
    if (price.costs is None) == (price.at_least is None):
        findings.error(where, "it has neither or both of `costs` and `at_least`", "write one of the two: costs: $2")
    path = setting_path(price.of)
    if not _leads_somewhere(system, (*where, "of"), path, findings):
        return
    is_provider = path[0] == "providers" and len(path) == 2
    if price.at_least is not None and (not is_provider or price.each is not None):
        findings.error(
            where, "`at_least` is about the calls of a provider", "write `of: providers.NAME`, without `each`"
        )
    if is_provider and (price.each is not None or price.when is not None):
        findings.error(where, "`each` and `when` are about a setting", "write its path: of: providers.NAME.concurrency")
    if not is_provider and price.each is None and price.when is None:
        findings.error(
            where, "it is not said when it is paid", "write `each: 1`, or `when:` with the value that costs it"
        )
