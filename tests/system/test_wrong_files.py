"""Files that do not hold, and every word that is said about them: line:column path: problem -> remedy."""

import msgspec
import pytest

from headworks.system.schema.system import DERIVED, Server, System
from tests.system.files import wrong


def names(struct: type[msgspec.Struct]) -> str:
    """The keys of a map, as messages list them."""
    return ", ".join(field.encode_name for field in msgspec.structs.fields(struct) if field.encode_name[:1] != DERIVED)


ENV = {"K": "k" * 20, "K2": "l" * 20, "K3": "m" * 20, "LINE": "a\nb", "EMPTY": ""}

CASES: dict[str, tuple[str | bytes, list[str]]] = {
    "an empty file": (
        "",
        [
            "1:1 : the file is empty -> it needs `providers` and `models`",
        ],
    ),
    "a file of comments": (
        "# nothing\n",
        [
            "1:1 : the file is empty -> it needs `providers` and `models`",
        ],
    ),
    "a null": (
        "~\n",
        [
            "1:1 : the value is missing -> write one, or remove the line",
        ],
    ),
    "a list": (
        "- a\n",
        [
            f"1:1 : expected a map, not a list -> its keys: {names(System)}",
        ],
    ),
    "a text": (
        "hello\n",
        [
            f"1:1 : expected a map, not a single value -> its keys: {names(System)}",
        ],
    ),
    "a tab": (
        "providers:\n\tv: {dialect: simulated}\n",
        [
            "2:1 : this is not YAML: found character that cannot start any token -> YAML is indented with spaces, never with tabs",
        ],
    ),
    "a reference without quotes in a flow map": (
        """\
providers:
  v: {dialect: openai, base_url: https://v, api_key: ${env:K}}
""",
        [
            "2:55 : this is not YAML: did not find expected ',' or '}' -> inside { } a reference needs quotes: \"${env:NAME}\"",
        ],
    ),
    "a bracket that is not closed": (
        """\
providers: {v: {dialect: simulated}
models:
""",
        [
            "2:1 : this is not YAML: did not find expected ',' or '}' -> see the line and the one above it",
        ],
    ),
    "two documents": (
        """\
providers: {v: {dialect: simulated}}
models: {a: v/x}
---
providers: {v: {dialect: simulated}}
""",
        [
            "3:1 : this is not YAML: a second document begins -> a system file is one document: remove the `---`",
        ],
    ),
    "an anchor that is not there": (
        """\
providers: {v: {dialect: simulated}}
models: {a: *nope}
""",
        [
            "2:13 : this is not YAML: found undefined alias -> see the line and the one above it",
        ],
    ),
    "a control character": (
        "providers: {v: {dialect: simulated}}\nmodels: {a: v/\x07}\n",
        [
            "2:15 : this is not YAML: it contains a control character -> remove the character, or write it as an escape in double quotes",
        ],
    ),
    "a tag that builds objects": (
        """\
providers: !!python/object:os.system {v: 1}
models: {a: v/x}
""",
        [
            "1:12 providers: the tag `tag:yaml.org,2002:python/object:os.system` is not allowed -> remove it: tags are not used here",
            "1:42 providers.v: expected a map, not a single value -> begin with `dialect:`",
        ],
    ),
    "a tag of its own": (
        """\
providers: {v: {dialect: simulated}}
models: {a: !secret v/x}
""",
        [
            "2:13 models.a: the tag `!secret` is not allowed -> remove it: tags are not used here",
        ],
    ),
    "a list as a name": (
        """\
providers: {v: {dialect: simulated}}
models: {[a, b]: v/x}
""",
        [
            "2:10 models: a key is a list or a map -> write a name, a colon and a value",
        ],
    ),
    "names that stand twice": (
        """\
providers:
  v: {dialect: simulated, seed: 1, seed: 2}
models: {a: v/x}
name: a
name: b
""",
        [
            "2:36 providers.v.seed: `seed` is written twice -> the first is at line 2, column 27: keep one",
            "5:1 name: `name` is written twice -> the first is at line 4, column 1: keep one",
        ],
    ),
    "no providers": (
        "models: {a: v/x}\n",
        [
            "1:1 providers: `providers` is missing -> add it: providers: {sim: {dialect: simulated}}",
        ],
    ),
    "neither providers nor models": (
        "name: x\n",
        [
            "1:1 providers: `providers` is missing -> add it: providers: {sim: {dialect: simulated}}",
            "1:1 models: `models` is missing -> add it: models: {assistant: sim/simulated}",
        ],
    ),
    "empty maps": (
        """\
providers: {}
models: {}
""",
        [
            "1:12 providers: there is no provider -> add one: sim: {dialect: simulated}",
            "2:9 models: there is no model -> add one: assistant: provider/model",
        ],
    ),
    "keys without a value": (
        """\
providers:
models:
""",
        [
            "1:11 providers: the value is missing -> write one, or remove the line",
            "2:8 models: the value is missing -> write one, or remove the line",
        ],
    ),
    "unknown keys": (
        """\
providers: {v: {dialect: simulated}}
models: {a: v/x}
modles: {}
server: {lisen: 127.0.0.1:1, portt: 3}
""",
        [
            "3:1 modles: the key `modles` is not known -> did you mean `models`?",
            "4:10 server.lisen: the key `lisen` is not known -> did you mean `listen`?",
            f"4:30 server.portt: the key `portt` is not known -> known keys: {names(Server)}",
        ],
    ),
    "another version": (
        """\
version: 2
providers: {v: {dialect: simulated}}
models: {a: v/x}
""",
        [
            "1:10 version: `2` is not known -> known: 1",
        ],
    ),
    "a version that is no number": (
        """\
version: '1.0'
providers: {v: {dialect: simulated}}
models: {a: v/x}
""",
        [
            "1:10 version: `1.0` is not known -> known: 1",
        ],
    ),
    "dialects": (
        """\
providers: {v: {dialect: antropic}, w: {base_url: 'https://x'}, x: https://y, y: {dialect: [openai]}}
models: {a: v/x}
""",
        [
            "1:26 providers.v.dialect: the dialect `antropic` is not known -> did you mean `anthropic`?",
            "1:40 providers.w.dialect: `dialect` is missing -> one of openai, anthropic, gemini, vertex, azure, bedrock, local, simulated",
            "1:68 providers.x: expected a map, not a single value -> begin with `dialect:`",
            "1:92 providers.y.dialect: expected a single value, not a list -> one of openai, anthropic, gemini, vertex, azure, bedrock, local, simulated",
        ],
    ),
    "a vendor's own dialect": (
        """\
providers: {v: {dialect: Bedrock, base_url: 'https://x'}}
models: {a: v/x}
""",
        [
            "1:26 providers.v.dialect: the dialect `Bedrock` is not known -> did you mean `bedrock`?",
        ],
    ),
    "one letter off": (
        """\
providers: {v: {dialect: openai, base-url: 'https://v'}}
models: {a: v/x}
""",
        [
            "1:34 providers.v.base-url: the key `base-url` is not known -> did you mean `base_url`?",
        ],
    ),
    "URLs": (
        """\
providers:
  v0: {dialect: openai, base_url: 'ftp://x'}
  v1: {dialect: openai, base_url: 'x.com'}
  v2: {dialect: openai, base_url: 'https://'}
  v3: {dialect: openai, base_url: 'https://user:pw@x/v1'}
  v4: {dialect: openai, base_url: 'https://x/v1?v=1'}
  v5: {dialect: openai, base_url: 'https://x/#a'}
  v6: {dialect: openai, base_url: 'https://x:99999'}
  v7: {dialect: openai, base_url: 'https://exämple.com'}
  v8: {dialect: openai, base_url: 'https://x y'}
  v9: {dialect: openai, base_url: 'http://[::1'}
  v10: {dialect: openai, base_url: 'https://x:0'}
models: {a: v0/x}
""",
        [
            "2:35 providers.v0.base_url: `ftp://x` is not an http or https URL -> write scheme, host and path, such as https://api.example.com/v1",
            "3:35 providers.v1.base_url: `x.com` is not an http or https URL -> write scheme, host and path, such as https://api.example.com/v1",
            "4:35 providers.v2.base_url: `https://` is not an http or https URL -> write scheme, host and path, such as https://api.example.com/v1",
            "5:35 providers.v3.base_url: credentials do not belong in a URL -> put the key into `api_key`, other headers into `headers`",
            "7:35 providers.v5.base_url: `https://x/#a` has a fragment -> end the URL with its path or query",
            "8:35 providers.v6.base_url: `https://x:99999` is not a URL -> write scheme, host and path, such as https://api.example.com/v1",
            "9:35 providers.v7.base_url: `https://exämple.com` is not an http or https URL -> write scheme, host and path, such as https://api.example.com/v1",
            "10:35 providers.v8.base_url: `https://x y` is not an http or https URL -> write scheme, host and path, such as https://api.example.com/v1",
            "11:35 providers.v9.base_url: `http://[::1` is not a URL -> write scheme, host and path, such as https://api.example.com/v1",
            "12:36 providers.v10.base_url: `https://x:0` is not an http or https URL -> write scheme, host and path, such as https://api.example.com/v1",
        ],
    ),
    "names": (
        """\
providers: {'a b': {dialect: simulated}, a/b: {dialect: simulated}}
models: {'': a/x, 'x y': a/x}
""",
        [
            '1:13 providers["a b"]: `a b` is not a name -> use up to 64 letters, digits, dots, dashes and underscores; a letter or digit first',
            '1:42 providers["a/b"]: `a/b` is not a name -> use up to 64 letters, digits, dots, dashes and underscores; a letter or digit first',
            '2:10 models[""]: `` is not a name for a model -> use up to 128 letters, digits and . _ - : / @ +; a letter or digit first; one * where it is `same_as` another',
            '2:19 models["x y"]: `x y` is not a name for a model -> use up to 128 letters, digits and . _ - : / @ +; a letter or digit first; one * where it is `same_as` another',
        ],
    ),
    "durations": (
        """\
providers: {v: {dialect: simulated}}
models:
  a: {targets: v/x, timeouts: {connect: 2, first_token: 0s, between_tokens: 1.5 s, answer: 1h30m, total: -1s}}
""",
        [
            "3:41 models.a.timeouts.connect: `2` is not a duration -> a duration needs its unit: 2s or 2ms?",
            "3:57 models.a.timeouts.first_token: `0s` is too small -> it must be more than 0",
            "3:77 models.a.timeouts.between_tokens: `1.5 s` is not a duration -> write a number and a unit: 800ms, 4s, 2m, 1h or 30d",
            "3:92 models.a.timeouts.answer: `1h30m` is not a duration -> write a number and a unit: 800ms, 4s, 2m, 1h or 30d",
            "3:106 models.a.timeouts.total: `-1s` is not a duration -> write a number and a unit: 800ms, 4s, 2m, 1h or 30d",
        ],
    ),
    "ranges": (
        """\
providers: {v: {dialect: simulated}}
models:
  a: {targets: v/x, retry: {backoff: 1s}}
  b: {targets: v/x, retry: {backoff: 5s..1s}}
  c: {targets: v/x, retry: {backoff: {shortest: 1s}}}
  d: {targets: v/x, retry: {backoff: 1..2s, attempts: 0}}
""",
        [
            "3:38 models.a.retry.backoff: `1s` is not a range of durations -> write the shortest and the longest: 100ms..5s",
            "4:38 models.b.retry.backoff: `5s..1s` must begin above zero and end later -> write the shorter one first: 100ms..5s",
            "5:38 models.c.retry.backoff: expected a single value, not a map -> write a range of durations, such as 100ms..5s",
            "6:38 models.d.retry.backoff: `1` is not a duration -> a duration needs its unit: 1s or 1ms?",
            "6:55 models.d.retry.attempts: `0` is too small -> it must be at least 1",
        ],
    ),
    "counts": (
        """\
providers: {v: {dialect: simulated, rpm: lots, tpm: 1.0001k, concurrency: -1, seed: 1.5}}
models: {a: v/x}
""",
        [
            "1:42 providers.v.rpm: `lots` is not a count -> write a whole number: 600, 100k or 2M",
            "1:53 providers.v.tpm: `1.0001k` is not a count -> write a whole number: 600, 100k or 2M",
            "1:75 providers.v.concurrency: `-1` is not a count -> write a whole number: 600, 100k or 2M",
            "1:85 providers.v.seed: `1.5` is not a whole number -> write digits, such as 7",
        ],
    ),
    "sizes and bounds": (
        """\
providers: {v: {dialect: simulated}}
models: {a: v/x}
server: {max_body: 10, max_in_flight: 0, drain: 30, cors: https://a/}
""",
        [
            "3:20 server.max_body: `10` is not a size -> a size needs its unit: 10B or 10MB?",
            "3:39 server.max_in_flight: `0` is too small -> it must be at least 1",
            "3:49 server.drain: `30` is not a duration -> a duration needs its unit: 30s or 30ms?",
            "3:59 server.cors[0]: `https://a/` is not an origin -> write what browsers send: lower case, no path, no slash at the end, such as https://app.example.com; or *",
        ],
    ),
    "an address that is only a port": (
        """\
providers: {v: {dialect: simulated}}
models: {a: v/x}
server: {listen: 8080}
""",
        [
            "3:18 server.listen: `8080` is not an address to listen on -> write host and port, such as 127.0.0.1:8080 or [::1]:8080 (0.0.0.0:8080 for every IPv4 network)",
        ],
    ),
    "shares": (
        """\
providers: {v: {dialect: simulated, faults: {cut: 0.5, server_eror: 1%, stall: 101%}}, w: {dialect: simulated, faults: {cut: 60%, stall: 50%}, first_token: {p50: 2s, p99: 1s}, per_token: 4ms}}
models: {a: [v/x, w/x]}
""",
        [
            "1:51 providers.v.faults.cut: `0.5` is not a share -> a share is a percentage: 50%?",
            "1:56 providers.v.faults.server_eror: `server_eror` is not known -> did you mean `server_error`?",
            "1:80 providers.v.faults.stall: `101%` is not a share -> write a percentage from 0% to 100%, such as 20% or 0.5%",
            "1:120 providers.w.faults: the shares add up to more than 100% -> each call has at most one fault",
            "1:157 providers.w.first_token: p50 (2s) is above p99 (1s) -> p50 must not exceed p99",
            "1:188 providers.w.per_token: expected a map, not a single value -> its keys: p50, p99",
        ],
    ),
    "lengths of answers": (
        """\
providers: {v: {dialect: simulated, output_tokens: {p50: 600, p95: 180}}, w: {dialect: simulated, output_tokens: 40}}
models: {a: [v/x, w/x]}
""",
        [
            "1:52 providers.v.output_tokens: p50 (600) is above p95 (180) -> p50 must not exceed p95",
            "1:114 providers.w.output_tokens: expected a map, not a single value -> its keys: p50, p95",
        ],
    ),
    "targets": (
        """\
providers: {v: {dialect: simulated}}
models:
  a: w/x
  b: [[v/x, v/x], []]
  c: []
  d: {targets: [{provider: v, weight: 0}, {model: x}, 'v', ['/x']]}
  e: {}
  f: {targets: [[[v/x]]]}
""",
        [
            "3:6 models.a.targets[0][0].provider: there is no provider `w` -> providers: v",
            "4:7 models.b.targets[0]: `v/x` appears 2 times in one tier -> name it once, with a `weight`",
            "4:19 models.b.targets[1]: the tier is empty -> name a target, or remove the tier",
            "5:6 models.c.targets: there is no target -> name one: [provider/model]",
            "6:39 models.d.targets[0][0].weight: `0` is too small -> it must be more than 0",
            "6:43 models.d.targets[1][0].provider: `provider` is missing -> add it: provider: NAME",
            "6:61 models.d.targets[3][0].provider: the text is empty -> write a value, or remove the line",
            "7:6 models.e.targets: `targets` is missing -> add it: targets: [provider/model]",
            "8:18 models.f.targets[0][0]: expected a map, not a list -> its keys: provider, model, weight, context_window, prefill, capabilities, rpm, tpm, concurrency, expect",
        ],
    ),
    "a target without a model": (
        """\
providers:
  v: {dialect: openai, base_url: 'https://v', }
models: {a: v}
""",
        [
            "3:13 models.a.targets[0][0].model: `model` is missing -> write v/MODEL",
        ],
    ),
    "the sessions of the traffic": (
        """\
providers: {v: {dialect: simulated, prompt_cache: mistral}}
models: {a: v/x}
requirements: {traffic: {sessions: {turns: {p50: 2, p95: 1}, pause: {p50: 2m, p95: 1m}, growth: -1}}}
""",
        [
            "1:51 providers.v.prompt_cache: `mistral` is not known -> known: anthropic, deepseek, gemini, openai",
            "3:44 requirements.traffic.sessions.turns: p50 (2) is above p95 (1) -> p50 must not exceed p95",
            "3:69 requirements.traffic.sessions.pause: p50 (2m) is above p95 (1m) -> p50 must not exceed p95",
            "3:97 requirements.traffic.sessions.growth: `-1` is not a count -> write a whole number: 600, 100k or 2M",
        ],
    ),
    "a choice that is not there": (
        """\
providers: {v: {dialect: simulated}}
models: {a: {targets: v/x, balance: cheapest}}
""",
        [
            "2:37 models.a.balance: `cheapest` is not known -> known: fastest, least_busy, sticky, weighted",
        ],
    ),
    "phases longer than the total": (
        """\
providers: {v: {dialect: simulated}}
models: {a: {targets: v/x, timeouts: {connect: 3m, answer: 10m, total: 4m}}, b: {targets: v/x, timeouts: {first_token: 3m}}, c: {targets: v/x, timeouts: {total: 1s}}}
""",
        [
            "2:60 models.a.timeouts.answer: 10m is longer than `total` (4m), so it has no effect -> raise `total`, or lower this",
            "2:120 models.b.timeouts.first_token: 3m is longer than `total` (2m, the default), so it has no effect -> raise `total`, or lower this",
        ],
    ),
    "keys": (
        """\
providers: {v: {dialect: simulated}}
models: {a: v/x}
keys:
  w: {key: '${env:K}', models: [a, b]}
  x: {key: '${env:K}', priority: urgent}
  y: {models: a}
  z: sk-123456789012345678
""",
        [
            "4:36 keys.w.models[1]: there is no model `b` -> models: a",
            "5:12 keys.x.key: `w` has the same key, so their callers cannot be told apart -> give each its own",
            "5:34 keys.x.priority: `urgent` is not known -> known: high, low, normal",
            '6:6 keys.y.key: `key` is missing -> add it: key: "${env:NAME}"',
            "7:6 keys.z: expected a map, not a single value -> its keys: key, models, priority, tags, expires, rpm, tpm, concurrency, budget, per",
        ],
    ),
    "limits of users and sessions": (
        """\
providers: {v: {dialect: simulated}}
models: {a: v/x}
keys:
  w: {key: '${env:K}', per: {user: {calls: 5, budget: {amount: $1, every: total}}}}
  x: {key: '${env:K2}', per: {user: {budget: $1}, session: {forget: 5m}}}
  y: {key: '${env:K3}', per: {user: {}, session: {}}}
groups: {g: {per: {}}, h: {per: {key: {rpm: 5}}}}
""",
        [
            "4:37 keys.w.per.user.calls: the key `calls` is not known -> known keys: rpm, tpm, concurrency, budget",
            "4:75 keys.w.per.user.budget.every: `total` is not known -> known: 1d, 1h, 1w, 30d",
            "5:46 keys.x.per.user.budget: expected a map, not a single value -> its keys: amount, every, estimate",
            "5:69 keys.x.per.session.forget: `5m` is too small -> it must be at least 3600",
            "6:37 keys.y.per.user: there is no limit -> write one: rpm, tpm, concurrency or budget",
            "6:50 keys.y.per.session: there is no limit -> write one: rpm, tpm, concurrency, budget or calls",
            "7:19 groups.g.per: there is no limit -> write one: user: {rpm: 60}, or session: {calls: 500}",
            "7:34 groups.h.per.key: the key `key` is not known -> known keys: user, session",
        ],
    ),
    "an open port without keys": (
        """\
providers: {v: {dialect: simulated}}
models: {a: v/x}
server: {listen: 0.0.0.0:8080}
""",
        [
            '3:18 server.listen: 0.0.0.0:8080 can be reached from other machines, and there are no keys: anyone could call -> add keys, such as `keys: {web: {key: "${env:WEB_KEY}"}}` (`keys: {}` where `headworks keys` makes them all), or listen on 127.0.0.1',
        ],
    ),
    "headers": (
        """\
providers:
  v: {dialect: openai, base_url: 'https://v', api_key: '${env:K}', headers: {Host: x, Authorization: y, 'a b': z, x-line: '${env:LINE}'}, forward_headers: [content-length, authorization, x-*]}
models: {a: v/x}
""",
        [
            "2:84 providers.v.headers.Host: the header `Host` is set by Headworks -> remove it",
            "2:102 providers.v.headers.Authorization: `api_key` is sent in this header -> keep one of the two",
            '2:105 providers.v.headers["a b"]: `a b` is not a header\'s name -> use letters, digits and dashes, such as x-team',
            "2:123 providers.v.headers.x-line: the value has a character that a header cannot carry (a line break, a leading or trailing space, an accent) -> check the content of the variable or the file",
            "2:157 providers.v.forward_headers[0]: the header `content-length` is set by Headworks -> remove it",
            "2:173 providers.v.forward_headers[1]: callers' keys of this gateway would be sent to the vendor -> use `api_key`",
            "2:188 providers.v.forward_headers[2]: `x-*` is a pattern -> write the full name of each header",
        ],
    ),
    "apis of another dialect": (
        """\
providers:
  v: {dialect: gemini, api_key: '${env:K}', apis: [chat]}
  w: {dialect: groq, api_key: '${env:K}', apis: [chat, talk]}
models: {a: v/x, b: w/x}
""",
        [
            "2:45 providers.v.apis: the key `apis` is not known -> known keys: dialect, base_url, api_key, rpm, tpm, concurrency, headers, forward_headers, credential, ca_file, proxy, region, retention",
            "3:56 providers.w.apis[1]: `talk` is not known -> known: chat, completions, embeddings, responses",
        ],
    ),
    "a certificate that is not there": (
        """\
providers:
  v: {dialect: openai, base_url: 'https://v', ca_file: ca.pem}
models: {a: v/x}
""",
        [
            "2:56 providers.v.ca_file: `ca.pem` cannot be read: No such file or directory -> the path is relative to the system file's folder",
        ],
    ),
    "local models": (
        """\
providers: {v: {dialect: local, model: gpt-4}, w: {dialect: local, model: ./m.gguf}}
models: {a: [v, w]}
""",
        [
            "1:40 providers.v.model: the model `gpt-4` is not known -> write gemma-3-270m for the embedded model, or the path of a GGUF file, such as ./model.gguf",
            "1:75 providers.w.model: `./m.gguf` cannot be read: No such file or directory -> the path is relative to the system file's folder",
        ],
    ),
    "references": (
        """\
providers: {v: {dialect: simulated}}
models: {a: v/x}
name: ${env:NAME}
keys: {k: {key: '${nope:x}'}, l: {key: 'a${env:K'}, m: {key: ''}, n: {key: '${env:UNSET}'}, o: {key: '${env:EMPTY}'}, p: {key: '${file:none}'}, q: {key: [a]}}
""",
        [
            "3:7 name: a reference (${...}) is not allowed here -> ${...} works in `api_key`, `key`, the values of `headers`, `proxy`, `state` and `log.store`; write this value in full",
            "4:17 keys.k.key: `${nope:x}` is not a known kind of reference -> write ${env:NAME} or ${file:PATH}",
            "4:40 keys.l.key: a `${` is not closed -> write ${env:NAME} or ${file:PATH}",
            "4:62 keys.m.key: the secret is empty -> write ${env:NAME} or ${file:PATH}",
            "4:76 keys.n.key: the environment variable UNSET is not set -> set it before the start: export UNSET=...",
            "4:102 keys.o.key: the environment variable EMPTY is empty -> give it a value: export EMPTY=...",
            "4:128 keys.p.key: the secret file `none` cannot be read: No such file or directory -> the path is relative to the system file's folder",
            "4:154 keys.q.key: expected a single value, not a list -> write it on one line, after the colon",
        ],
    ),
    "a null secret": (
        """\
providers: {v: {dialect: simulated}}
models: {a: v/x}
keys: {k: {key: null}}
""",
        [
            "3:17 keys.k.key: the value is missing -> write one, or remove the line",
        ],
    ),
    "an anchor that contains itself": (
        """\
providers: &p
  v: *p
models: {a: v/x}
""",
        [
            "1:12 providers: the file is nested more than 32 levels deep, or an anchor contains itself -> nest less",
        ],
    ),
    "another encoding": (
        b"providers: {v: {dialect: simulated}}\nmodels: {a: v/x}\nname: caf\xe9\n",
        [
            "3:10 : the file is not UTF-8 text -> save it as UTF-8",
        ],
    ),
    "origins": (
        """\
providers: {v: {dialect: simulated}}
models: {a: v/x}
server: {cors: ['https://A.example', 'app.example', 'https://a/x']}
""",
        [
            "3:17 server.cors[0]: `https://A.example` is not an origin -> write what browsers send: lower case, no path, no slash at the end, such as https://app.example.com; or *",
            "3:38 server.cors[1]: `app.example` is not an origin -> write what browsers send: lower case, no path, no slash at the end, such as https://app.example.com; or *",
            "3:53 server.cors[2]: `https://a/x` is not an origin -> write what browsers send: lower case, no path, no slash at the end, such as https://app.example.com; or *",
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_everything_that_is_wrong_is_told_at_once_with_its_place_and_a_remedy(name: str) -> None:
    text, told = CASES[name]
    assert wrong(text, ENV) == told
