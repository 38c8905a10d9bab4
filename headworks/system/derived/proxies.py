"""The proxy of each provider: its own in the file, else the environment's, as in other HTTP clients.

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

NO_PROXY: Final = "none"
"""The value of `proxy` for a provider that is called without one, whatever the environment says."""

NO_PROXY_VARIABLES: Final = ("no_proxy", "NO_PROXY")


def with_proxies(system: System, env: Mapping[str, str], findings: Findings) -> System:
    """The same system with the proxy of every provider as it will be used: None where there is none."""
    providers = dict(system.providers)
    for name, provider in system.providers.items():
        if not isinstance(provider, OpenAI):
            continue
        try:
            found = proxy_for(provider, env)
        except Unreadable as error:
            findings.error(("providers", name, "proxy"), error.problem, error.remedy)
            continue
        if found != provider.proxy:
            providers[name] = msgspec.structs.replace(provider, proxy=found)
        if found is None and provider.proxy is not None and provider.proxy.reveal() != NO_PROXY:
            problem = f"this provider is called without its proxy: {why_direct(provider, env)}"
            findings.warn(("providers", name, "proxy"), problem, "remove it, or take the host out of NO_PROXY")
    return msgspec.structs.replace(system, providers=providers)


def proxy_for(provider: OpenAI, env: Mapping[str, str]) -> PrivateUrl | None:
    """The proxy that a provider is asked through. Raises Unreadable where the environment's cannot be used."""
    written = provider.proxy
    if (written is not None and written.reveal() == NO_PROXY) or why_direct(provider, env):
        return None
    if written is not None:
        return written
    scheme = urlsplit(provider.base_url).scheme
    name, value = first_set_variable(env, f"{scheme}_proxy", f"{scheme}_proxy".upper())
    if not value:
        return None
    try:
        Proxy.parse(value)
    except ValueError as error:
        remedy = "write http://host:port (credentials before the host: user:password@), or `proxy: none` here"
        raise Unreadable(f"the environment variable {name} is not a usable proxy: {error}", remedy) from None
    return PrivateUrl(value, f"${{env:{name}}}")


def why_direct(provider: OpenAI, env: Mapping[str, str]) -> str:
    """Why a provider is called directly even if a proxy is set; "" where it is not."""
    url = urlsplit(provider.base_url)
    host = url.hostname or ""
    if is_loopback(host):
        return "its host is this machine"
    port = url.port or (443 if url.scheme == "https" else 80)
    name, value = first_set_variable(env, *NO_PROXY_VARIABLES)
    return f"{name} excludes its host" if is_excepted(host, port, value) else ""


def first_set_variable(env: Mapping[str, str], *names: str) -> tuple[str, str]:
    """The first of these variables that is set, also to nothing, and its value."""
    return next(((name, env[name].strip()) for name in names if name in env), (names[-1], ""))


def proxy_descriptions(system: System, env: Mapping[str, str]) -> dict[str, str]:
    """How each provider is reached, in words without credentials. Empty where no proxy is set anywhere."""
    found: dict[str, str] = {}
    is_named = any(
        first_set_variable(env, f"{scheme}_proxy", f"{scheme}_proxy".upper())[1] for scheme in ("http", "https")
    )
    for name, provider in system.providers.items():
        if not isinstance(provider, OpenAI):
            continue
        if provider.proxy is not None:
            found[name] = f"through {Proxy.parse(provider.proxy.reveal())} ({proxy_source(provider.proxy)})"
        elif is_named:
            found[name] = f"directly ({why_direct(provider, env) or 'no proxy is set for it'})"
    return found


def proxy_source(proxy: PrivateUrl) -> str:
    """The variable that names the proxy, or the system file."""
    name = proxy.reference.removeprefix("${env:").removesuffix("}")
    return name if name.lower() in ("http_proxy", "https_proxy") else "the system file"
