"""The application of the public port: its routes, and who may use them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol
from urllib.parse import unquote

import msgspec

from headworks.core.dialect import Dialect
from headworks.core.errors import CallError, KeysAway, Unauthenticated, UnknownModel
from headworks.core.kept_answer import KeptAnswers
from headworks.core.key import Key
from headworks.core.request_id import request_id
from headworks.http.request_parser import Request
from headworks.layers.auth import Keyring
from headworks.server import gemini_models
from headworks.server.admitted import Admitted, credential
from headworks.server.calls import Calls, Stack
from headworks.server.drain import OpenCalls
from headworks.server.exchange import Exchange
from headworks.server.model_lists import Model, ModelList, info, is_anthropic, page
from headworks.server.origins import NONE, Origins
from headworks.server.passthrough import BELOW, METHODS, PathCalls, word_of
from headworks.server.problems import JSON, EdgeRefusal, Headers, WrongMethod, answer
from headworks.server.responses_paths import KeptPaths, names_kept, refused
from headworks.server.unknown_path import unserved
from headworks.wire.anthropic.caller import MESSAGES as ANTHROPIC_MESSAGES
from headworks.wire.anthropic.count_tokens import COUNT
from headworks.wire.gemini.caller import EMBED, EMBED_BATCH, GENERATE
from headworks.wire.gemini.count_tokens import COUNT as GEMINI_COUNT
from headworks.wire.openai.caller import CHAT, EMBEDDINGS
from headworks.wire.openai.completions.caller import COMPLETIONS
from headworks.wire.openai.passed.caller import PASSED
from headworks.wire.openai.responses.caller import RESPONSES
from headworks.wire.openai.responses.compact import COMPACT

Route = Callable[[Request, Exchange, Admitted], Awaitable[None]]


GEMINI_METHODS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {
        "generateContent": GENERATE,
        "streamGenerateContent": GENERATE,
        "countTokens": GEMINI_COUNT,
        "embedContent": EMBED,
        "batchEmbedContents": EMBED_BATCH,
    }
)
"""What stands behind a model's name in Gemini's paths."""

CALLERS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {
        "/v1/chat/completions": CHAT,
        "/v1/embeddings": EMBEDDINGS,
        "/v1/responses": RESPONSES,
        "/v1/responses/compact": COMPACT,
        "/v1/completions": COMPLETIONS,
        **{f"/v1{caller.path}": caller for caller in PASSED},
        "/v1/messages": ANTHROPIC_MESSAGES,
        "/v1/messages/count_tokens": COUNT,
        **{
            f"/{version}/models/{{model}}:{method}": dialect
            for version in ("v1beta", "v1")
            for method, dialect in GEMINI_METHODS.items()
        },
    }
)
"""The paths that take calls, and the dialect of who calls there. A dialect that is added gets its line here.

`{model}` in a path stands for a model's name, percent-encoded or with its slashes as they are.
"""

PLACE: Final = "{model}"

OTHERWISE: Final = CHAT
"""In whose shape errors are told on every other path, but to who sends `anthropic-version`."""

MODELS = "/v1/models"
MODEL = "/v1/models/"


class Readiness(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether calls may be sent here. A vendor's outage is a reason in it, never a 503: another gateway would fare no better.

    reasons: what does not work, in the words that only an operator sees; strangers see `for_anybody`.
    """

    status: str
    reasons: Sequence[str] = ()


class Running(Protocol):
    """What the app asks of the gateway."""

    @property
    def stack(self) -> Stack: ...
    @property
    def started_at(self) -> float: ...
    @property
    def max_body(self) -> int: ...
    @property
    def is_ready(self) -> bool: ...
    @property
    def is_draining(self) -> bool: ...
    @property
    def ring(self) -> Keyring: ...
    def aliases_of(self, key: Key | None) -> Sequence[str]:
        """The aliases that may be used with this key; None where there are no keys."""
        ...

    @property
    def kept(self) -> KeptAnswers | None:
        """The answers that are kept (`responses.store`); None where none are."""
        ...

    def turned_away(self) -> None:
        """Counts a caller without a valid key."""
        ...

    def troubles(self) -> Sequence[str]: ...


def readiness(gateway: Running) -> tuple[int, Readiness]:
    """Whether to send calls here, as a status and in words."""
    if gateway.is_draining:
        return 503, Readiness(status="draining")
    if not gateway.is_ready:
        return 503, Readiness(status="starting")
    return 200, Readiness(status="ready", reasons=gateway.troubles())


LOADING = "the model is still loading"

PARTS: Mapping[str, str] = MappingProxyType(
    {
        "journal": "the journal",
        "keys": "the store of keys",
        "ledger": "the ledger",
        "state": "the state",
    }
)
"""The prefixes of troubles, and the public name of each part. Other troubles begin with the name of a target."""


def for_anybody(found: Readiness) -> Readiness:
    """Readiness without details, for callers without a key: which part does not work, without names, addresses and paths."""
    parts = list(dict.fromkeys(map(part_of, found.reasons)))
    return msgspec.structs.replace(found, reasons=parts) if parts else found


def part_of(trouble: str) -> str:
    """Which part a trouble is of."""
    if LOADING in trouble:
        return "a model"
    name = trouble.partition(":")[0]
    if name.startswith("worker "):
        return "a worker"
    return PARTS.get(name, "a target")


def shows_models(request: Request) -> bool:
    """Whether it asks which models there are. Beside calls nothing else needs a key: health, a wrong method or path."""
    path = request.path
    is_listed = path in (MODELS, gemini_models.MODELS) or path.startswith((MODEL, gemini_models.MODEL))
    return is_listed and request.method in ("GET", "HEAD")


class App:
    """Serves the public port. A reload replaces `origins`; the gateway's stack is read for each call."""

    def __init__(
        self,
        gateway: Running,
        origins: Origins,
        chance: Callable[[int], int],
        callers: Mapping[str, Dialect] = CALLERS,
    ) -> None:
        self.gateway = gateway
        self.origins = origins
        self.chance = chance
        self.open_calls = OpenCalls()
        self.callers = callers
        self.posts: dict[str, Route] = {
            path: Calls(dialect, gateway, chance, self.open_calls).serve for path, dialect in callers.items()
        }
        self.patterns = tuple([path for path in callers if PLACE in path])
        self.gets: dict[str, Route] = {
            MODELS: self.models,
            gemini_models.MODELS: self.gemini_models,
            "/healthz": self.healthz,
            "/readyz": self.readyz,
        }

    def admit(self, request: Request) -> bool:
        """Authenticates a request by its head alone. False where it is refused already: then its body is not read.

        Never raises: what is wrong is kept for `handle`, which answers it.
        """
        admitted = request.admitted = Admitted()
        try:
            admitted.cors = self.origins.check(request)
            ring = self.gateway.ring
            path = request.path
            is_post = request.method == "POST"
            is_call = path in self.posts or self.pattern_of(path) is not None if is_post else shows_models(request)
            if (is_call or self.is_about_kept(request) or self.passing(request)) and not ring.is_open:
                admitted.credential = credential(request)
                admitted.key = ring.find(admitted.credential)
                admitted.found_at = ring.version
        except CallError as error:
            if isinstance(error, (Unauthenticated, KeysAway)):
                self.gateway.turned_away()
            admitted.refusal = error.with_traceback(None)  # its frames know the request, which knows it: a circle
            return False
        return True

    async def handle(self, request: Request, exchange: Exchange) -> None:
        """Serves one request; errors are answered in the caller's shape with a request id."""
        if request.admitted is None:
            self.admit(request)
        admitted: Admitted = request.admitted
        if admitted.refusal is not None:
            exchange.respond(*self.refusal(request, admitted.refusal, admitted.cors))
            return
        try:
            if request.method == "OPTIONS" and admitted.cors:
                exchange.respond(204, admitted.cors)
                return
            route = self.posts.get(request.path) if request.method == "POST" else None
            if route is None and (word := self.passing(request)):
                route = PathCalls(word, self.gateway, self.chance, self.open_calls).serve
            await (route or self.other(request))(request, exchange, admitted)
        except CallError as error:
            exchange.respond(*self.refusal(request, error, admitted.cors))

    def other(self, request: Request) -> Route:
        path, method = request.path, request.method
        if method in ("GET", "HEAD"):
            if route := self.gets.get(path):
                return route
            if path == "/" and method == "HEAD":
                return self.here
            if path.startswith(MODEL):
                return self.model
            if path.startswith(gemini_models.MODEL) and self.pattern_of(path) is None:
                return self.gemini_model
        if (kept := self.gateway.kept) is not None and names_kept(method, path):
            return KeptPaths(kept, RESPONSES.keeping, self.chance).serve
        if (refusal := refused(method, path, upgrades=b"upgrade" in request.names)) is not None:
            raise refusal
        pattern = self.pattern_of(path)
        if pattern is not None and method == "POST":
            return self.posts[pattern]
        if path in self.posts or pattern is not None:
            raise WrongMethod(f"{path} takes POST, not {method}.", "POST")
        if path in self.gets or path.startswith(MODEL) or (path.startswith(gemini_models.MODEL) and ":" not in path):
            raise WrongMethod(f"{path} takes GET, not {method}.", "GET, HEAD")
        if word_of(path) in self.gateway.stack.passthrough:
            raise WrongMethod(f"{path[:128]} takes {', '.join(METHODS)}, not {method}.", ", ".join(METHODS))
        raise unserved(method, path, self.posts, self.gets)

    def is_about_kept(self, request: Request) -> bool:
        """Whether it reads or deletes a kept answer: such a request needs a key as a call does."""
        return self.gateway.kept is not None and names_kept(request.method, request.path)

    def passing(self, request: Request) -> str:
        """The word of a path that passes to a provider; "" for every other path."""
        words = self.gateway.stack.passthrough
        word = word_of(request.path) if words and request.path.startswith(BELOW) else ""
        return word if word in words and request.method in METHODS else ""

    async def models(self, request: Request, exchange: Exchange, admitted: Admitted) -> None:
        listed = self.listed(admitted)
        content = page(listed, request.query) if is_anthropic(request) else ModelList(data=listed)
        self.say(exchange, 200, content, admitted.cors)

    async def model(self, request: Request, exchange: Exchange, admitted: Admitted) -> None:
        name = unquote(request.path.removeprefix(MODEL))
        found = [model for model in self.listed(admitted) if model.id == name]
        if not found:
            raise UnknownModel.named(name)
        self.say(exchange, 200, info(found[0]) if is_anthropic(request) else found[0], admitted.cors)

    async def gemini_models(self, request: Request, exchange: Exchange, admitted: Admitted) -> None:
        aliases = self.gateway.aliases_of(admitted.key)
        self.say(exchange, 200, gemini_models.page(aliases, request.query), admitted.cors)

    async def gemini_model(self, request: Request, exchange: Exchange, admitted: Admitted) -> None:
        name = unquote(request.path.removeprefix(gemini_models.MODEL))
        if name not in self.gateway.aliases_of(admitted.key):
            raise UnknownModel.named(name)
        self.say(exchange, 200, gemini_models.shown(name), admitted.cors)

    def listed(self, admitted: Admitted) -> list[Model]:
        created = int(self.gateway.started_at)
        return [Model(id=alias, created=created) for alias in self.gateway.aliases_of(admitted.key)]

    async def here(self, request: Request, exchange: Exchange, admitted: Admitted) -> None:
        """`HEAD /`: Claude Code asks whether anybody is there."""
        exchange.respond(200, [JSON])

    async def healthz(self, request: Request, exchange: Exchange, admitted: Admitted) -> None:
        exchange.respond(200, [JSON], b'{"status":"ok"}')

    async def readyz(self, request: Request, exchange: Exchange, admitted: Admitted) -> None:
        status, found = readiness(self.gateway)
        self.say(exchange, status, for_anybody(found), admitted.cors)

    def say(self, exchange: Exchange, status: int, content: msgspec.Struct, cors: Headers) -> None:
        headers: Headers = [JSON, (b"x-request-id", request_id(self.chance).encode()), *cors]
        exchange.respond(status, headers, msgspec.json.encode(content))

    def refusal(self, request: Request, error: CallError, cors: Headers) -> tuple[int, Headers, bytes]:
        """An error that became no call, in the shape of the path that was asked."""
        path = self.pattern_of(request.path) or request.path
        dialect = self.callers.get(path) or (ANTHROPIC_MESSAGES if is_anthropic(request) else OTHERWISE)
        if request.path.startswith(gemini_models.MODELS):
            dialect = self.callers.get(path, GENERATE)
        return answer(error, request_id(self.chance), cors, dialect)

    def pattern_of(self, path: str) -> str | None:
        """The path with `{model}` in `callers` that this one is written by."""
        for pattern in self.patterns:
            before, _, after = pattern.partition(PLACE)
            if len(path) > len(before) + len(after) and path.startswith(before) and path.endswith(after):
                return pattern
        return None

    def refuse(self, status: int, message: str) -> tuple[Headers, bytes]:
        """Headers and body of an answer that the HTTP edge itself gives: bad bytes, too slow, too large, a bug."""
        _, headers, body = answer(EdgeRefusal(status, message), request_id(self.chance), NONE, OTHERWISE)
        return headers, body
