"""What of a system file nobody may be shown: what each vendor is sent, and every secret that the file holds or names."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

from headworks.system.schema.secrets import PrivateUrl, Secret
from headworks.system.schema.system import OpenAI, System

HOLDS_SECRET = re.compile(r"(?i)key|token|secret|password|signature|^sig$|^auth$|authorization|cookie|credential")
"""Names of headers, and of fields in a query, behind which secrets stand."""


def sent_to(provider: OpenAI) -> list[str]:
    """The secrets that this vendor, or the proxy on the way to it, is sent with each request."""
    found = [provider.api_key.reveal()] if provider.api_key is not None else []
    for name, value in provider.headers.items():
        if not value.is_literal or HOLDS_SECRET.search(name):
            found += credentials(value)
    query = parse_qsl(urlsplit(provider.base_url).query)
    found += [value for name, value in query if HOLDS_SECRET.search(name)]
    return found if provider.proxy is None else [*found, *password(provider.proxy)]


def every_secret(system: System) -> list[str]:
    """Whatever the file keeps secret: for logs and records, which tell of all of it."""
    found = [one for provider in system.providers.values() if isinstance(provider, OpenAI) for one in sent_to(provider)]
    found += [key.key.reveal() for key in system.keys.values()]
    if system.server.admin_key is not None:
        found.append(system.server.admin_key.reveal())
    return [*found, *password(system.log.store), *password(system.state)]


def credentials(value: Secret) -> Iterator[str]:
    """What is secret of a header's value: behind its scheme, where it has one (RFC 9110, section 11.4)."""
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


def password(url: PrivateUrl) -> Iterator[str]:
    """The password of a URL, as it is written there and as it is meant."""
    try:
        parts = urlsplit(url.reveal() if "://" in url.reveal() else f"//{url.reveal()}")
        written = parts.netloc.rpartition("@")[0].partition(":")[2]
        values = [written, *(value for name, value in parse_qsl(parts.query) if HOLDS_SECRET.search(name))]
    except ValueError:
        return
    for value in values:
        yield from {value, unquote(value)} - {""}
