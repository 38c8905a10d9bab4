"""What our vendor says fits the types of the vendors' own SDKs, as far as they are installed here; `make clients` tries Gemini's, too."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode

import pytest

from tools.clients.programs.types import Unfit, judge
from tools.clients.vendor.samples import Sample, samples

SAMPLES = [one for one in samples() if one.dialect != "gemini"]


def as_read(sample: Sample, body: bytes | None = None) -> dict[str, object]:
    said = sample.body if body is None else b64encode(body).decode()
    return {"dialect": sample.dialect, "form": sample.form, "body": said}


@pytest.mark.parametrize("sample", SAMPLES, ids=[f"{one.dialect}-{one.form}-{at}" for at, one in enumerate(SAMPLES)])
def test_an_answer_fits_its_vendors_own_type(sample: Sample) -> None:
    judge(as_read(sample))


@pytest.mark.parametrize("dialect", ["chat", "responses", "anthropic", "bedrock"])
def test_a_member_that_the_type_lacks_is_found(dialect: str) -> None:
    sample = next(one for one in SAMPLES if (one.dialect, one.form) == (dialect, "whole"))
    said = json.loads(b64decode(sample.body))
    with pytest.raises(Unfit, match="nobody_knows"):
        judge(as_read(sample, json.dumps({**said, "nobody_knows": 1}).encode()))


def test_a_usage_of_the_wrong_type_is_found() -> None:
    sample = next(one for one in SAMPLES if (one.dialect, one.form) == ("bedrock", "whole"))
    said = json.loads(b64decode(sample.body))
    said["usage"]["inputTokens"] = "9"
    with pytest.raises(Unfit, match="inputTokens is no integer"):
        judge(as_read(sample, json.dumps(said).encode()))
