"""The AWS region of a provider: what its requests are signed for."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from headworks.system.schema.credentials import AwsCredential
from headworks.system.schema.system import OpenAI

_REGION: Final = re.compile(r"[a-z]{2,4}(?:-[a-z]{2,16}){1,3}-[1-9][0-9]?")


def aws_region(provider: OpenAI) -> str:
    """As its credential says it, else as its host does (`bedrock-runtime.eu-central-1.amazonaws.com`), else the first of `region` that
    looks like one; "" where none does."""
    if isinstance(provider.credential, AwsCredential) and provider.credential.region:
        return provider.credential.region
    labels = (urlsplit(provider.base_url).hostname or "").split(".")
    return next((one for one in [*labels, *provider.region] if _REGION.fullmatch(one)), "")
