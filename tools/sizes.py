"""Prints the longest files and functions and the widest signatures: for the eye, not for a gate (HOUSE 4.1 and 9).

A reviewer reads the top of each list and asks why. Nothing fails here: a number that fails a build is met by moving
lines about, and a question is not.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROWS = 15
FOLDERS = ("headworks", "tools", "bench", "tests")


class Size(NamedTuple):
    lines: int
    parameters: int
    place: str


def python_files(root: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted((root / folder).rglob("*.py"))


def functions(tree: ast.AST, path: str, outer: str = "") -> Iterator[Size]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{outer}{node.name}"
            yield Size(length(node), width(node.args), f"{path}:{node.lineno} {name}")
            yield from functions(node, path, f"{name}.")
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, path, f"{outer}{node.name}.")
        else:
            yield from functions(node, path, outer)


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def width(arguments: ast.arguments) -> int:
    named = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len([name for name in named if name not in ("self", "cls")])


def share_over(limit: int, numbers: list[int]) -> str:
    over = len([number for number in numbers if number > limit])
    return f"{over} of {len(numbers)} over {limit}"


def table(title: str, rows: list[tuple[int, str]]) -> None:
    print(f"\n{title}")
    for number, place in sorted(rows, key=lambda row: (-row[0], row[1]))[:ROWS]:
        print(f"{number:6d}  {place}")


def main(root: Path) -> None:
    files: list[tuple[int, str]] = []
    found: list[Size] = []
    for file in python_files(root):
        text = file.read_text(encoding="utf-8")
        place = file.relative_to(root).as_posix()
        files.append((text.count("\n"), place))
        found.extend(functions(ast.parse(text, filename=place), place))
    if not files:
        sys.exit(f"no Python files under {', '.join(FOLDERS)}")
    table(f"Files by lines ({share_over(500, [lines for lines, _ in files])})", files)
    table(
        f"Functions by lines ({share_over(60, [size.lines for size in found])})",
        [(size.lines, size.place) for size in found],
    )
    table(
        f"Functions by parameters ({share_over(6, [size.parameters for size in found])})",
        [(size.parameters, size.place) for size in found],
    )


if __name__ == "__main__":
    main(Path(__file__).resolve().parent.parent)
