"""The pages of the system file say what is there, all of it, and their examples work."""

import re
from pathlib import Path

import msgspec
import pytest
from msgspec import inspect

from headworks.system.load import read
from headworks.system.reference.descriptions import DESCRIPTIONS
from headworks.system.reference.json_schema import json_schema
from headworks.system.reference.markdown import BEGIN, FIRST, PAGES, with_reference
from headworks.system.schema.system import TEXT_NOTATIONS, System, written_fields
from tests.system.files import FakeMachine

ROOT = Path(__file__).parent.parent.parent
TEXTS = {name: (ROOT / "docs" / name).read_text(encoding="utf-8") for name in (FIRST, *PAGES)}
PAGE = "\n".join(TEXTS.values())
GUIDES = "\n".join(page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs" / "system-file").glob("*.md")))
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = [
    *re.findall(r"```yaml\n(.*?)```", TEXTS[FIRST] + GUIDES, re.DOTALL),
    *re.findall(r"```yaml\n(.*?)```", README, re.DOTALL),
    *re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "search.md").read_text(encoding="utf-8"), re.DOTALL),
]


def structs(kind: inspect.Type) -> set[type[msgspec.Struct]]:
    """Every struct that the system file is made of."""
    match kind:
        case inspect.StructType() if kind.cls in TEXT_NOTATIONS:
            return set()
        case inspect.StructType():
            return {kind.cls}.union(*(structs(field.type) for field in kind.fields))
        case inspect.UnionType():
            return set().union(*map(structs, kind.types))
        case inspect.DictType():
            return structs(kind.value_type)
        case inspect.VarTupleType():
            return structs(kind.item_type)
    return set()


ALL = sorted(structs(inspect.type_info(System)), key=lambda struct: struct.__name__)


def test_the_words_are_about_every_struct_and_no_other() -> None:
    assert set(DESCRIPTIONS) == set(ALL)


@pytest.mark.parametrize("struct", ALL)
def test_every_key_is_documented(struct: type[msgspec.Struct]) -> None:
    kind = inspect.type_info(struct)
    assert isinstance(kind, inspect.StructType)
    assert set(DESCRIPTIONS[struct]) == {field.encode_name for field in written_fields(kind)}
    for key, words in DESCRIPTIONS[struct].items():
        assert words.endswith("."), key
        assert f"| `{key}` |" in PAGE
        assert words in PAGE


@pytest.mark.parametrize("struct", ALL)
def test_every_key_is_in_the_json_schema_with_the_same_words(struct: type[msgspec.Struct]) -> None:
    made = json_schema()["$defs"][struct.__name__]
    properties = made.get("properties") or made["anyOf"][0]["properties"]
    assert {
        key: one["description"] for key, one in properties.items() if key not in ("dialect", "kind")
    } == DESCRIPTIONS[struct]


@pytest.mark.parametrize("name", TEXTS)
def test_the_reference_is_as_the_code_has_it(name: str) -> None:
    assert with_reference(TEXTS[name], name) == TEXTS[name], "run `python tools/reference.py`"


def test_every_map_of_the_top_is_on_one_page() -> None:
    [top] = [struct for struct in ALL if struct is System]
    kind = inspect.type_info(top)
    assert isinstance(kind, inspect.StructType)
    maps = {field.encode_name for field in written_fields(kind)} - {
        "version",
        "name",
        "state",
        "passthrough",
    }  # a text, or texts by a word: no keys of their own
    assert sorted(key for keys in PAGES.values() for key in keys) == sorted(maps)


@pytest.mark.parametrize("name", TEXTS)
def test_every_link_to_keys_leads_to_a_heading(name: str) -> None:
    tables = TEXTS[name].partition(BEGIN)[2]
    links = re.findall(r"^\| `\w+` \| \[[^]]+\]\(([^#)]*)#([^)]+)\)", tables, re.MULTILINE)
    assert links
    for page, anchor in links:
        headings = re.findall(r"^## (.+)$", TEXTS[page or name], re.MULTILINE)
        assert anchor in [re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_loads_without_a_warning(example: str, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "nightly.key").write_text("nightly-nightly-nightly\n")
    env = {name: f"{name}-0123456789abcdef" for name in re.findall(r"\$\{env:(\w+)\}", example)}
    loaded = read(example.encode(), file="example", folder=tmp_path, env=env, machine=FakeMachine())
    assert loaded.warnings == ()


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 3


def test_a_list_of_given_values_names_them_as_they_are_written() -> None:
    assert "list of `attempts` or `cost` or `target` " in PAGE
