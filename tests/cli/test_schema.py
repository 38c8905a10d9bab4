"""`headworks schema`."""

import json

import pytest

from headworks.cli.exits import HOLDS
from headworks.cli.main import run
from headworks.system.reference.json_schema import json_schema


def test_it_prints_the_schema_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == HOLDS
    assert json.loads(capsys.readouterr().out) == json_schema()
