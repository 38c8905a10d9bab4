"""Which proxy each provider is asked through: the file's own, else the environment's, as other HTTP clients have it.

`HTTPS_PROXY` and `HTTP_PROXY` are for base URLs of that scheme, `NO_PROXY` names hosts that are asked without one; in lower
case they go first, as with curl and Python. This machine itself is never asked through a proxy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from headworks.http.proxy import Proxy, is_excepted, is_loopback
from headworks.system.schema.secrets import PrivateUrl
from headworks.system.schema.system import OpenAI, System
from headworks.system.syntax.findings import Findings
from headworks.system.syntax.scalars import Unreadable

NONE: Final = "none"
"""What a provider writes that is asked without a proxy, whatever the environment says."""

NAMES: Final = ("no_proxy", "NO_PROXY")


def proxied(system: System, env: Mapping[str, str], findings: Findings) -> System:
    """The same system with the proxy of every provider as it will be used: None where there is none."""
    providers = dict(system.providers)
    for name, provider in system.providers.items():
        if not isinstance(provider, OpenAI):
            continue
        try:
            found = used(provider, env)
        except Unreadable as error:
            findings.error(("providers", name, "proxy"), error.problem, error.remedy)
            continue
        if found != provider.proxy:
            providers[name] = msgspec.structs.replace(provider, proxy=found)
        if found is None and provider.proxy is not None and provider.proxy.reveal() != NONE:
            problem = f"this provider is asked without its proxy: {why_direct(provider, env)}"
            findings.warn(("providers", name, "proxy"), problem, "remove it, or take the host out of NO_PROXY")
    return msgspec.structs.replace(system, providers=providers)


def used(provider: OpenAI, env: Mapping[str, str]) -> PrivateUrl | None:
    """The proxy that a provider is asked through. Raises Unreadable where the environment's cannot be used."""
    written = provider.proxy
    if (written is not None and written.reveal() == NONE) or why_direct(provider, env):
        return None
    if written is not None:
        return written
    scheme = urlsplit(provider.base_url).scheme
    name, value = first(env, f"{scheme}_proxy", f"{scheme}_proxy".upper())
    if not value:
        return None
    try:
        Proxy.parse(value)
    except ValueError as error:
        remedy = "write http://host:port (credentials before the host: user:password@), or `proxy: none` here"
        raise Unreadable(f"the environment variable {name} is no proxy for it: {error}", remedy) from None
    return PrivateUrl(value, f"${{env:{name}}}")


def why_direct(provider: OpenAI, env: Mapping[str, str]) -> str:
    """Why no proxy may be used for a provider, whoever names one; "" where one may."""
    url = urlsplit(provider.base_url)
    host = url.hostname or ""
    if is_loopback(host):
        return "its host is this machine"
    port = url.port or (443 if url.scheme == "https" else 80)
    name, value = first(env, *NAMES)
    return f"{name} names its host" if is_excepted(host, port, value) else ""


def first(env: Mapping[str, str], *names: str) -> tuple[str, str]:
    """The first of these variables that is set, also to nothing, and its value."""
    return next(((name, env[name].strip()) for name in names if name in env), (names[-1], ""))


def ways(system: System, env: Mapping[str, str]) -> dict[str, str]:
    """How each provider that a proxy may concern is asked, in words without credentials. Empty where nobody names a proxy."""
    found: dict[str, str] = {}
    is_named = any(first(env, f"{scheme}_proxy", f"{scheme}_proxy".upper())[1] for scheme in ("http", "https"))
    for name, provider in system.providers.items():
        if not isinstance(provider, OpenAI):
            continue
        if provider.proxy is not None:
            found[name] = f"through {Proxy.parse(provider.proxy.reveal())} ({source(provider.proxy)})"
        elif is_named:
            found[name] = f"directly ({why_direct(provider, env) or 'none is named for it'})"
    return found


def source(proxy: PrivateUrl) -> str:
    """Who says so."""
    name = proxy.reference.removeprefix("${env:").removesuffix("}")
    return name if name.lower() in ("http_proxy", "https_proxy") else "the system file"
