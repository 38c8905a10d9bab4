"""The secret values of a system, which must be masked: those sent to each vendor, and all of them."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

from headworks.system.schema.credentials import AwsCredential, AzureCredential
from headworks.system.schema.secrets import PrivateUrl, Secret
from headworks.system.schema.system import OpenAI, System

SECRET_NAME = re.compile(r"(?i)key|token|secret|password|signature|^sig$|^auth$|authorization|cookie|credential")
"""Names of headers, and of fields in a query, behind which secrets stand."""


def secrets_sent_to(provider: OpenAI) -> list[str]:
    """The secrets that each request sends to this vendor or its proxy."""
    found = [provider.api_key.reveal()] if provider.api_key is not None else []
    found += [one.reveal() for one in credential_secrets(provider)]
    for name, value in provider.headers.items():
        if not value.is_literal or SECRET_NAME.search(name):
            found += secret_parts(value)
    query = parse_qsl(urlsplit(provider.base_url).query)
    found += [value for name, value in query if SECRET_NAME.search(name)]
    return found if provider.proxy is None else [*found, *passwords(provider.proxy)]


def credential_secrets(provider: OpenAI) -> Iterator[Secret]:
    """The secrets with which its credential is asked for. What it gives is masked by itself, for it changes."""
    if isinstance(provider.credential, AzureCredential) and provider.credential.secret is not None:
        yield provider.credential.secret
    if isinstance(provider.credential, AwsCredential) and provider.credential.external_id is not None:
        yield provider.credential.external_id


def all_secrets(system: System) -> list[str]:
    """All secrets of the system: they are masked in logs and records."""
    found = [
        one
        for provider in system.providers.values()
        if isinstance(provider, OpenAI)
        for one in secrets_sent_to(provider)
    ]
    found += [key.key.reveal() for key in system.keys.values()]
    if system.server.admin_key is not None:
        found.append(system.server.admin_key.reveal())
    return [*found, *passwords(system.log.store), *passwords(system.state)]


def secret_parts(value: Secret) -> Iterator[str]:
    """The secret part of a header's value: what follows its scheme, if it has one (RFC 9110, section 11.4)."""
    scheme, _, rest = value.reveal().partition(" ")
    rest = rest.strip()
    if not rest or not scheme.isalpha():
        yield value.reveal()
        return
    yield rest
    if scheme.lower() == "basic":
        try:
            yield b64decode(rest).decode().partition(":")[2]
        except ValueError:
            return


def passwords(url: PrivateUrl) -> Iterator[str]:
    """The password of a URL, as it is written there and as it is meant."""
    try:
        parts = urlsplit(url.reveal() if "://" in url.reveal() else f"//{url.reveal()}")
        written = parts.netloc.rpartition("@")[0].partition(":")[2]
        values = [written, *(value for name, value in parse_qsl(parts.query) if SECRET_NAME.search(name))]
    except ValueError:
        return
    for value in values:
        yield from {value, unquote(value)} - {""}
