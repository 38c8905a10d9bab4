"""The joined model file: whole or not there, whatever happens while it is written."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from headworks.core.errors import ConfigError
from headworks.core.extras import install
from headworks.providers.local.model_files import (
    EMBEDDED,
    assemble,
    cache_folder,
    embedded_parts,
    find_model,
    has_chat_template,
)

CONTENT = b"GGUF" + bytes(range(256)) * 20_000  # 5 MB: several blocks a part
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    made = []
    third = len(CONTENT) // 3
    for number, piece in enumerate((CONTENT[:third], CONTENT[third : 2 * third], CONTENT[2 * third :])):
        part = tmp_path / f"model.gguf.part0{number}"
        part.write_bytes(piece)
        made.append(part)
    return made


def in_another_process(parts: list[Path], target: Path, before: str = "") -> subprocess.Popen[bytes]:
    code = (
        "import sys\nfrom pathlib import Path\nfrom headworks.providers.local.model_files import assemble\n"
        f"{before}\n"
        f"assemble([Path(name) for name in {[str(part) for part in parts]!r}], Path({str(target)!r}), {SHA!r})"
    )
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_parts_are_joined_in_order_and_stamped(parts: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "cache" / "model.gguf"
    assert assemble(parts, target, SHA) == target
    assert target.read_bytes() == CONTENT
    assert files_in(target.parent) == ["model.gguf", "model.gguf.verified"]


def test_a_stamped_file_is_not_read_again(parts: list[Path], tmp_path: Path) -> None:
    target = assemble(parts, tmp_path / "cache" / "model.gguf", SHA)
    before = target.stat()
    os.utime(target, ns=(0, before.st_mtime_ns))
    for part in parts:
        part.unlink()  # what would be read to join it again
    assemble(parts, target, SHA)
    assert target.stat().st_atime_ns == 0


def test_a_lost_stamp_costs_one_reading(parts: list[Path], tmp_path: Path) -> None:
    target = assemble(parts, tmp_path / "cache" / "model.gguf", SHA)
    stamp = target.with_name("model.gguf.verified")
    whole = stamp.read_bytes()
    stamp.write_bytes(whole[:10])
    inode = target.stat().st_ino
    assemble(parts, target, SHA)
    assert stamp.read_bytes() == whole
    assert target.stat().st_ino == inode


def test_a_damaged_file_is_made_anew(parts: list[Path], tmp_path: Path) -> None:
    target = assemble(parts, tmp_path / "cache" / "model.gguf", SHA)
    target.write_bytes(CONTENT[:-1])
    assemble(parts, target, SHA)
    assert target.read_bytes() == CONTENT


def test_wrong_parts_are_refused_and_leave_nothing(parts: list[Path], tmp_path: Path) -> None:
    parts[1].write_bytes(b"something else")
    target = tmp_path / "cache" / "model.gguf"
    with pytest.raises(ConfigError, match="do not make the file that they should") as caught:
        assemble(parts, target, SHA)
    assert "reinstall" in caught.value.problems[0].remedy
    assert files_in(target.parent) == []


def test_a_full_disk_leaves_nothing_and_says_where_to_go(parts: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "cache" / "model.gguf"
    # The kernel refuses to let a file grow over this limit, in the middle of a write, as a full disk does.
    limited = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))"
    process = in_another_process(parts, target, limited)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode != 0
    assert b"ConfigError" in stderr
    assert b"HEADWORKS_CACHE" in stderr
    assert files_in(target.parent) == []


def test_processes_that_begin_at_once_all_get_the_whole_file(parts: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "cache" / "model.gguf"
    processes = [in_another_process(parts, target) for _ in range(4)]
    for process in processes:
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr
    assert target.read_bytes() == CONTENT
    assert files_in(target.parent) == ["model.gguf", "model.gguf.verified"]


def test_what_a_killed_process_left_is_cleared_away(parts: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "cache" / "model.gguf"
    target.parent.mkdir()
    (target.parent / ".model.gguf.abc.partial").write_bytes(CONTENT[:1000])
    assemble(parts, target, SHA)
    assert files_in(target.parent) == ["model.gguf", "model.gguf.verified"]


def test_a_cache_that_cannot_be_written_is_a_config_error(parts: list[Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match="cannot be put into"):
        assemble(parts, tmp_path / "file" / "model.gguf", SHA)


def test_a_missing_extra_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        embedded_parts("headworks_no_such_wheel_{}")
    assert caught.value.problems[0].remedy == install("local")


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"HEADWORKS_CACHE": "/var/models", "XDG_CACHE_HOME": "/x"}, "/var/models"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/headworks"),
        ({"XDG_CACHE_HOME": "relative"}, str(Path.home() / ".cache" / "headworks")),
        ({}, str(Path.home() / ".cache" / "headworks")),
    ],
)
def test_the_cache_folder(environment: dict[str, str], folder: str) -> None:
    assert str(cache_folder(environment)) == folder


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    model = tmp_path / "mine.gguf"
    model.write_bytes(CONTENT)
    assert find_model(str(model), tmp_path) == model


@pytest.mark.parametrize(
    ("content", "problem"), [(None, "cannot be read"), (b"PK\3\4", "is not a GGUF file"), (b"", "is not a GGUF file")]
)
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes | None, problem: str) -> None:
    model = tmp_path / "mine.gguf"
    if content is not None:
        model.write_bytes(content)
    with pytest.raises(ConfigError, match=problem):
        find_model(str(model), tmp_path)


def test_an_unknown_name_is_told_the_known_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        find_model("gemma-3-1b", tmp_path)
    assert EMBEDDED in caught.value.problems[0].remedy


def string(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    ("key", "found"),
    [(b"tokenizer.chat_template", True), (b"tokenizer.chat_template.rag", False), (b"general.name", False)],
)
def test_a_chat_template_is_found_by_its_key(tmp_path: Path, key: bytes, found: bool) -> None:
    model = tmp_path / "model.gguf"
    # The words alone, as a value, are no key.
    values = string(b"general.about") + struct.pack("<I", 8) + string(b"tokenizer.chat_template")
    values += string(key) + struct.pack("<I", 8) + string(b"{{ messages }}")
    model.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 2) + values)
    assert has_chat_template(model) is found
