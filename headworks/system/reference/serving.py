"""What the keys mean that are about the ports, the records and what is kept: a part of `descriptions.py`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from headworks.system.schema.system import Log, Responses, Server, Tls

SERVING: Final[Mapping[type[msgspec.Struct], Mapping[str, str]]] = MappingProxyType(
    {
        Server: {
            "listen": "The address of the public port. It may be open to other machines only with `keys`.",
            "admin": "The address of the admin port: health and, with `admin_key`, metrics, the system and reload. Default: "
            "127.0.0.1:8081 if that is free, else none.",
            "admin_key": "The secret that opens the admin port, sent as `Authorization: Bearer`. Without it only health is answered "
            "there.",
            "max_body": "The largest request body. A larger one is answered 413.",
            "max_buffered": "Bytes of answers that may wait in the gateway, for slow callers and for the rest of an event, over all "
            "connections. The `workers` share it. Above it a call is answered 503 with Retry-After, and a stream that "
            "has begun ends with an error event.",
            "max_in_flight": "Calls in each of the `workers` at the same time. `low` priority fills at most 80% of it, `normal` at most "
            "95%. Further calls wait in a queue.",
            "max_queued": "Calls that may wait in the queue. Above it the oldest call of the lowest priority is answered 503 with "
            "Retry-After.",
            "max_wait": "How long a call waits in the queue before it is answered 503 with Retry-After.",
            "drain": "How long calls in flight may take to finish when the gateway stops.",
            "workers": "Processes that answer calls. More than one need a `state` that they share.",
            "tls": "The certificate with which the public port speaks https, if no ingress does. Default: plain http. Files "
            "that change are used without a restart.",
            "cors": "Origins whose pages may call from a browser. `*` for all. Default: none.",
            "expose": "Which facts answers carry in headers: `target` (`x-headworks-target`, who answered), `attempts` "
            "(`x-headworks-attempts`) and `cost` (`x-headworks-cost`, dollars; not on streams, whose headers are sent "
            "before the cost is known). Default: none.",
            "keepalive": "How often a caller is sent a sign of life while its stream has no content yet, so that proxies keep the "
            "connection: `15s`. After the first one the status is 200, and an error is an event (`docs/keepalive.md`). Default: none.",
        },
        Tls: {
            "cert": "The certificate with its intermediate certificates (PEM), relative to the system file's folder.",
            "key": "Its private key (PEM), without a passphrase.",
        },
        Log: {
            "store": "The store that `headworks logs` reads: a SQLite file, or a PostgreSQL database for several replicas "
            "(`postgresql://user@host/database`, with `?schema=` for a schema other than `headworks`). Records are moved "
            "from the journal into it a moment after the call. A file with another name than `headworks.yaml` has "
            "`.headworks/systems/NAME/ledger.db` (`docs/ledger.md`).",
            "journal": "The folder of the journal. Each call's record is appended to it before the call's last chunk is sent. A "
            "file with another name than `headworks.yaml` has `.headworks/systems/NAME/journal`.",
            "sync": "How often the journal is forced to the disk. A power loss can lose the records since then.",
            "bodies": "Whether the record has the text of a call. `none`, or `full`: the body as the caller sent it (at most 64 "
            "KiB) and the text of the answer. Headers, and so keys, are never in it.",
            "retention": "How long the store keeps a call.",
            "format": "The format of the gateway's own log, in every process: `text`, or `json`, one object a line "
            "(`docs/telemetry.md`).",
        },
        Responses: {
            "store": "For how long: an answer and its input are kept in `log.store` until the last answer of their conversation is so "
            "old (`30d`). `previous_response_id` and `item_reference` work then, and reading and deleting answers. Default: nothing is kept.",
        },
    }
)
