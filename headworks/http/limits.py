"""The limits of the HTTP edge, for callers that are not authenticated yet."""

from __future__ import annotations

import msgspec

SLICE = 8192
"""Bytes parsed in one step. So what is queued behind a request is at most one slice of small pipelined ones, and a bound
on a head is checked after at most as many bytes. nginx reads heads into 8 KB buffers too (large_client_header_buffers)."""


class EdgeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in bytes, times in seconds, all above 0."""

    max_header: int = 32_768
    """Request line and headers together. 431 beyond."""
    max_headers: int = 100
    """Header lines. 431 beyond."""
    max_target: int = 8192
    """Path and query. 414 beyond."""
    max_body: int = 10_000_000
    """413 beyond: by Content-Length before the body is read, by count where it is chunked."""
    max_arriving: int = 256_000_000
    """Bodies that are not whole yet, of all connections together. 503 beyond: strangers must not fill the memory."""
    max_connections: int = 10_000
    """503 and close beyond."""
    max_handshakes: int = 1000
    """TLS handshakes under way; the oldest is given up for one more."""
    handshake_timeout: float = 10.0
    """From a connection's opening to the end of its TLS handshake."""
    header_timeout: float = 10.0
    """From a head's first byte (on a new connection: from its opening) to its last."""
    body_timeout: float = 30.0
    """From a head's end to its body's end; a body gets one second more for each `min_body_rate` bytes that came."""
    min_body_rate: int = 8192
    """Bytes per second below which a long body is given up."""
    idle_timeout: float = 75.0
    """Between an answer and the next request. Longer than the usual 60 s of balancers, which must be the first to close."""
    write_timeout: float = 30.0
    """Without a byte taken by a caller who has answers waiting: then the connection is aborted."""
    linger: float = 2.0
    """After an answer that did not wait for the request's end: what still arrives is thrown away, so that the caller can
    read the answer before its own writes fail."""
