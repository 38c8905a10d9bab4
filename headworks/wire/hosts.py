"""Where OpenAI's dialect begins at well-known hosts: the path that a base URL must have there.

A wrong path answers 404 to every call, and the commonest one is no path at all. Hosts that are in no row of `presets.py` say
nothing.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from headworks.wire.presets import BY_HOST, BY_WORD


def right_base_url(dialect: str, base_url: str) -> str | None:
    """The base URL that was probably meant; None where the host is not known, or the path is one of its own."""
    word = BY_WORD.get(dialect)
    if word is None or word.speaks != "openai":
        return None
    url = urlsplit(base_url)
    host = (url.hostname or "").lower()
    known = BY_HOST.get(host)
    if known is None or url.path.rstrip("/") in known.hosts[host]:
        return None
    return f"https://{url.hostname}{next((path for path in known.hosts[host] if path), '')}"


def names_deployments(base_url: str) -> bool:
    """Whether an address of Azure is that of its older paths, which have the deployment in them: it names neither the newer ones
    (`/openai/v1`) nor a deployment."""
    path = urlsplit(base_url).path
    return "/v1" not in path and "/deployments/" not in path
