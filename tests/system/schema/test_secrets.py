"""Where secrets come from, and that they go nowhere."""

import copy
import pickle
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.errors import ConfigError
from headworks.system.load import load, read
from headworks.system.schema.secrets import MOST_BYTES, Secret, Sources
from headworks.system.syntax.scalars import Unreadable
from tests.system.files import FakeMachine, examined, odd, right

HIDDEN = "hunter2-hunter2-hunter2"
FILE = """\
providers:
  v: {dialect: openai, base_url: "https://v", api_key: "${env:A}", headers: {x-a: "Basic ${env:A}"}}
models: {a: v/x}
keys: {k: {key: "${env:A}"}}
"""


def sources(folder: Path = Path("/nonexistent"), **env: str) -> Sources:
    return Sources(env, folder)


def test_a_reference_stands_for_a_variable() -> None:
    secret = sources(A=HIDDEN).resolve("${env:A}")
    assert secret.reveal() == HIDDEN
    assert secret.reference == "${env:A}"
    assert not secret.is_literal


def test_text_may_stand_around_references_and_does_not_show() -> None:
    secret = sources(A="1", B="2").resolve("Basic ${env:A}:${env:B}!")
    assert secret.reveal() == "Basic 1:2!"
    assert repr(secret) == "Secret(${env:A}...${env:B})"


def test_a_file_is_read_without_the_line_break_at_its_end(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"abc \r\n")
    assert sources(tmp_path).resolve("${file:key}").reveal() == "abc "
    assert sources(Path("/nonexistent")).resolve(f"${{file:{tmp_path / 'key'}}}").reveal() == "abc "


def test_what_a_variable_holds_is_not_resolved_again() -> None:
    assert sources(A="${env:A}").resolve("${env:A}").reveal() == "${env:A}"


@pytest.mark.parametrize(
    "reference", ["${}", "${A}", "${env:}", "${env:A B}", "${ENV:A}", "${file:}", "${env:A", "${", "a${b"]
)
def test_what_is_no_reference_is_refused(reference: str) -> None:
    with pytest.raises(Unreadable, match=r"no reference|not closed"):
        sources(A="x").resolve(reference)


def test_a_file_that_cannot_be_a_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"x" * (MOST_BYTES + 1))
    (tmp_path / "empty").write_bytes(b"\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name, problem in {
        "long": "longer",
        "empty": "empty",
        "binary": "UTF-8",
        "none": "No such file",
        ".": "directory",
    }.items():
        with pytest.raises(Unreadable, match=problem):
            sources(tmp_path).resolve(f"${{file:{name}}}")
    with pytest.raises(Unreadable, match="not a path"):
        sources(tmp_path).resolve("${file:a\0b}")


def test_a_secret_is_neither_shown_nor_encoded_nor_copied() -> None:
    secret = Secret(HIDDEN)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", repr([secret]), "".join(map(str, [secret]))]
    assert not any(HIDDEN in text for text in shown)
    with pytest.raises(TypeError):
        msgspec.json.encode(secret)
    with pytest.raises(TypeError):
        msgspec.to_builtins(secret)
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)


def test_secrets_are_equal_by_value() -> None:
    assert Secret("a") == Secret("a", "${env:A}")
    assert hash(Secret("a")) == hash(Secret("a", "${env:A}"))
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


def test_a_system_shows_and_encodes_no_secret() -> None:
    system = right(FILE, {"A": HIDDEN})
    assert HIDDEN not in repr(system)
    with pytest.raises(TypeError):
        msgspec.json.encode(system)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=4))
def test_no_message_holds_a_secret(value: str) -> None:
    marked = f"{HIDDEN}{value}"
    _, findings = examined(FILE, {"A": marked})
    assert HIDDEN not in repr(findings.errors) + repr(findings.warnings)


def test_the_digest_knows_the_reference_and_not_the_value() -> None:
    digests = {right(FILE, {"A": value}).digest for value in ("1" * 20, "2" * 20)}
    assert len(digests) == 1
    assert right(FILE.replace("env:A", "env:B"), {"B": "1" * 20}).digest not in digests


def test_a_secret_in_the_file_is_warned_of() -> None:
    file = FILE.replace("${env:A}", HIDDEN).replace("Basic ", "")
    assert [line.partition(" -> ")[0] for line in odd(file)] == [
        "2:56 providers.v.api_key: the secret itself stands in the file",
        "4:17 keys.k.key: the secret itself stands in the file",
    ]


def test_a_short_key_is_warned_of() -> None:
    assert [line for line in odd(FILE, {"A": "short"}) if "shorter than 16" in line] == [
        "4:17 keys.k.key: the key is shorter than 16 characters -> use a long random one: openssl rand -hex 24"
    ]


def test_files_are_relative_to_the_system_file(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "a").write_text(HIDDEN + "\n")
    file = tmp_path / "headworks.yaml"
    file.write_text(FILE.replace("env:A", "file:secrets/a"))
    loaded = load(file, {}, FakeMachine())
    assert loaded.folder == tmp_path
    assert loaded.system.keys["k"].key.reveal() == HIDDEN


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(ConfigError, match="the environment variable A is not set"):
        read(FILE.encode(), file="x", folder=Path("/nonexistent"), env={}, machine=FakeMachine())


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("$OPENAI_API_KEY", "${env:OPENAI_API_KEY}"),
        ("Bearer $TOKEN", "${env:TOKEN}"),
        ("%OPENAI_API_KEY%", "${env:OPENAI_API_KEY}"),
        ("$(OPENAI_API_KEY)", "${env:OPENAI_API_KEY}"),
        ("os.environ/OPENAI_API_KEY", "${env:OPENAI_API_KEY}"),
        ("env:OPENAI_API_KEY", "${env:OPENAI_API_KEY}"),
        ("env.OPENAI_API_KEY", "${env:OPENAI_API_KEY}"),
        ("{{ env.OPENAI_API_KEY }}", "${env:OPENAI_API_KEY}"),
        ("${OPENAI_API_KEY}", "${env:OPENAI_API_KEY}"),
        ("${OPENAI_API_KEY:-none}", "${env:OPENAI_API_KEY}"),
    ],
)
def test_a_reference_in_another_notation_is_no_secret(written: str, meant: str) -> None:
    with pytest.raises(Unreadable) as caught:
        Sources({"OPENAI_API_KEY": "k" * 20, "TOKEN": "t" * 20}, Path()).resolve(written)
    assert meant in caught.value.remedy


@pytest.mark.parametrize("written", ["pa$$WORD1", "$ecret-word", "a%20b%21", "sk-$TOKEN", "x" * 20])
def test_a_secret_may_have_a_dollar_or_a_percent_sign(written: str) -> None:
    assert Sources({}, Path()).resolve(written).reveal() == written
