"""The gateway as an ASGI application, for a server or an application of your own: `uvicorn headworks.asgi:app`.

`app` serves the system file that HEADWORKS_FILE names, or headworks.yaml in the current folder, or the starter system.
The file is read when the server starts, not when this module is imported.
"""

from __future__ import annotations

import os
from pathlib import Path

from headworks.server.asgi_adapter import AsgiAdapter
from headworks.system.load import Loaded
from headworks.system.starter import load_or_starter

__all__ = ["app", "create"]

VARIABLE = "HEADWORKS_FILE"


def create(file: str | os.PathLike[str] | None = None) -> AsgiAdapter:
    """An application that serves this system file. Each has a gateway of its own.

    Its start raises ConfigError (a server's lifespan fails with it) where something is wrong with the file.
    """

    def load() -> Loaded:
        named = file if file is not None else os.environ.get(VARIABLE) or None
        return load_or_starter(None if named is None else Path(named), os.environ)

    return AsgiAdapter(load)


app = create()
