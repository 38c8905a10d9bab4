"""Where the search begins: a sound input of each target, and the attacks that once held the loop or broke through."""

from __future__ import annotations

from binascii import crc32
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tests.fuzz import gemini

CUT: Final = b"\x07"
"""The first byte: whole. Others cut the rest into smaller pieces."""

CHUNK: Final = (
    b'data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}\n\n'
    b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":1}}\n\n'
    b"data: [DONE]\n\n"
)
ANSWER: Final = (
    b'{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":2,"completion_tokens":1}}'
)
EVENTS: Final = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","content":[],"usage":{"input_tokens":1}}}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}\n\n'
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)
SYSTEM: Final = b"""version: 1
requirements: {objectives: [{id: a, metric: duration, percentile: 95, at_most: 2s}]}
providers: {v: {dialect: openai, base_url: "https://v/v1", api_key: "${env:NAME}"}, s: {dialect: simulated}}
models: {a: {targets: [[{provider: v, model: m, weight: 2}, s], s], timeouts: {total: 9s}}}
keys: {k: {key: "${env:NAME}", budget: {amount: $1, every: 1d}}}
"""

BACKUP: Final = (
    b'{"headworks":"ledger backup","form":1,"made_at":5.0,"version":"0.2.0","store":"sqlite","tables":{"identity":["id"],"names":["id","kind","name"],"calls":["id","request","alias","key","targets","outcome","error","is_failed","status","class","duration","input","output","cost","reason","tags","enduser"],"records":["id","line"],"journals":["name","offset","records","skipped","is_done"],"opened":["request","process","line"],"spent":["owner","hour","cost"],"access":["kind","name","changed","entry"],"waiting":["file","end","line"]}}\n'
    b'{"table":"identity"}\n'
    b'["one"]\n'
    b'{"rows":1,"digest":"02aa376d898635201d53a13a0c6daf43"}\n'
    b'{"table":"names"}\n'
    b'[1,"key","web"]\n'
    b'{"rows":1,"digest":"f6c355a3f71f73f6e25960ba635f34ed"}\n'
    b'{"table":"calls"}\n'
    b'{"rows":0,"digest":"cae66941d9efbd404e4d88758ea67670"}\n'
    b'{"table":"records"}\n'
    b'{"rows":0,"digest":"cae66941d9efbd404e4d88758ea67670"}\n'
    b'{"table":"journals"}\n'
    b'{"rows":0,"digest":"cae66941d9efbd404e4d88758ea67670"}\n'
    b'{"table":"opened"}\n'
    b'["req_1","1-2",["/w=="]]\n'
    b'{"rows":1,"digest":"5b405d887f676b899753b43e2cd46cac"}\n'
    b'{"table":"spent"}\n'
    b'{"rows":0,"digest":"cae66941d9efbd404e4d88758ea67670"}\n'
    b'{"table":"access"}\n'
    b'["key","web",1,"{\\"digest\\":\\"00\\"}"]\n'
    b'{"rows":1,"digest":"13d18189cb491112f1f108a827b46bd0"}\n'
    b'{"table":"waiting"}\n'
    b'{"rows":0,"digest":"cae66941d9efbd404e4d88758ea67670"}\n'
    b'{"contents":{"identity":"one","rows":{"identity":1,"names":1,"opened":1,"access":1},"first":0,"last":0,"cost_nano":0,"spent_nano":0,"keys":1,"revoked":0,"changes":1,"waiting":0,"waiting_cost_nano":0},"digest":"b8c48fde73bed10b263a45ef95240ec0"}\n'
)


def framed(kind: bytes, payload: bytes) -> bytes:
    """One message of AWS's binary framing."""
    header = b"\x0b:event-type\x07" + len(kind).to_bytes(2, "big") + kind
    said = (16 + len(header) + len(payload)).to_bytes(4, "big") + len(header).to_bytes(4, "big")
    said += crc32(said).to_bytes(4, "big") + header + payload
    return said + crc32(said).to_bytes(4, "big")


CONVERSED: Final = (
    framed(b"contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"hi"}}')
    + framed(b"messageStop", b'{"stopReason":"end_turn"}')
    + framed(b"metadata", b'{"usage":{"inputTokens":2,"outputTokens":1,"totalTokens":3}}')
)

SEEDS: Final[Mapping[str, tuple[bytes, ...]]] = MappingProxyType(
    {
        "edge": (
            b"GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\nPOST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}",
            b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 900\r\n\r\n{",
            b"POST / HTTP/1.1\r\nhost: a\r\nupgrade: h2c\r\nconnection: upgrade\r\ncontent-length: 9\r\n\r\n{",
            b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        "event_stream": (
            CONVERSED,
            framed(b"throttlingException", b'{"message":"slow"}'),
            b"\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2H\xeb}\x98\xc8\xff",
        ),
        "body": (
            b'{"model":"a","messages":[{"role":"user","content":"hi"}],"stream":true,"max_tokens":9}',
            b'{"model":"a","messages":[],"n":2.0,"max_tokens":20e-1}',
            b'{"model":"a","messages":[{"role":"u"}],"n":1e99999999999999999999,"max_tokens":-0.0}',
            b'{"model":"a","messages":[' + b",".join([b"{}"] * 30000) + b"]}",
            b'{"model":"a","messages":[{"role":"u"}],"x":' + b"[" * 990 + b"]" * 990 + b"}",
            b"{" + b",".join(b'"k%d" : 1 ' % n for n in range(2000)) + b"}",
        ),
        "stream": (
            CHUNK,
            b": comment\r" * 200,
            b'data: {"choices":[{"index":0,"delta":{},"finish_reason":""}]}\r\r',
            b"data: " + b"x" * 5000,
            b"id: 1\r" + b": x\r\n" * 300 + b"data" + b": x\n\r" * 3,
            b" \r" * 300 + b'data: {"choices":[]}\r\n\r\n' * 30,
        ),
        "passed": (
            b'--b\r\nContent-Disposition: form-data; filename="a\\"; name=x"; name=model\r\n\r\nm\r\n--b\n--b--\r\n',
            b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--b--\r\n',
            b'{"model":"m","prompt":"a cat","stream":true}',
            b'{"data":[{"b64_json":"aGk="}],"usage":{"input_tokens":7,"output_tokens":9}}',
        ),
        "passed_by_path": (
            b'--b\r\nContent-Disposition: form-data; name="file_id"\r\n\r\nf\r\n--b--\r\n',
            b'{"input_file_id":"file-1","metadata":{"file_id":"x"},"tools":[{"file_ids":["file-2"]}]}',
            b'{"object":"list","data":[{"id":"b","object":"batch","output_file_id":"o"}],"last_id":"b","has_more":true}',
            b'{"response":{"status_code":200,"body":{"model":"m","usage":{"prompt_tokens":1}}}}\n' * 3,
            b'{"file_id":' + b"[" * 3000,
            b'{"file_id":"\\ud83d","a":' + b"9" * 5000 + b"}",
        ),
        "whole": (
            ANSWER,
            b'{"error":{"message":"half \\ud83d","code":"\\udc00"}}',
            b'{"choices":[{"message":{"content":"x"},"error":{"message":' + b"[" * 980 + b"1" + b"]" * 980 + b"}}]}",
            b'{"choices":[{"error":{"code":502},"finish_reason":"error"}]}',
            b"[" * 3000,
        ),
        "failure": (
            b"\x01\x2cx-ratelimit-reset: " + b"9" * 400 + b'h\n{"error":{"message":"slow down"}}',
            b'\x01\x42\n{"detail":[{"loc":5,"msg":"x"}]}',
            b"\x01\xf4\n<html>" + b"<title" * 20 + b">" + b" " * 1500 + b"x",
            b"\x01\xf4\n<html>" + b"<title>" * 2000,
            b"\x01\xf4\n{}",
            b'\x03\x83\n{"error":{"message":"a status that nobody knows","code":"insufficient_quota"}}',
            b"\x01\x2cretry-after: " + b"9" * 400 + b"\n{}",
            b'\x01\x2c\n{"error":{"message":"try again in ' + b"9" * 200 + b' hours"}}',
            b'\x01\x2c\n{"error":{"message":' + b"[" * 970 + b"1" + b"]" * 970 + b"}}",
            b'\x01\x2c\n{"error":{"message":"half \\ud83d","code":"\\udc00"}}',
        ),
        "question_translated": (
            b'1{"model":"a","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:a;base64,b"}}]}]}',
            b'1{"model":"a","messages":[{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":{}}}]}]}',
            b'1{"model":"a","messages":[],"tools":[{"type":"function","function":{"name":"f"},"x":1}],"tool_choice":{"type":"x"}}',
        ),
        "gemini": (b"1" + gemini.SEED, b"1" + gemini.EVENTS, b"1" + gemini.EVENTS + b'{"error":{"code":503}}\n'),
        "answer_translated": (
            b"1" + CHUNK,
            b'1data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{"}}]}}]}\n\n',
            b'1data: {"choices":[{"delta":{"reasoning_details":[{"type":"reasoning.text","text":"a"}],"audio":{"id":"a"}}}]}\n\n',
            b"1" + ANSWER,
        ),
        "messages": (
            b'{"model":"a","max_tokens":9,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],"messages":['
            b'{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"hw1.e30="},'
            b'{"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t",'
            b'"content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"QQ=="}}]}]}],"tools":[{"name":"f",'
            b'"input_schema":{"anyOf":[{}]}}],"tool_choice":{"type":"any"},"thinking":{"type":"enabled","budget_tokens":1024}}',
            b'{"model":"a","messages":[{"role":"user","content":[{"type":"document","source":{"type":"content","content":[]}}]}]}',
            b'{"model":"a","messages":[{"role":"u"}],"metadata":{"user_id":5},"output_config":{"format":{"type":"json_schema"}}}',
            b'{"model":"a","messages":[{"role":"u"}],"x":' + b"[" * 990 + b"]" * 990 + b"}",
        ),
        "messages_asked": (
            b'{"model":"a","messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"},{"role":"assistant","tool_calls":'
            b'[{"id":"a:b","function":{"name":"f","arguments":"{"}}]},{"role":"tool","tool_call_id":"a:b","content":"x"}],"tools":[{'
            b'"type":"function","function":{"name":"f","parameters":{"oneOf":[5]}}}],"reasoning_effort":"high","temperature":2}',
            b'{"model":"a","messages":[],"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"items":[[]]}}}}',
        ),
        "messages_stream": (
            EVENTS,
            b"event: ping\ndata: {}\n\n" * 200,
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta"}}\n\n',
            b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1e999}}\n\n',
        ),
        "messages_answer": (
            EVENTS,
            b'{"content":[{"type":"text","text":"hi"},{"type":"tool_use","id":"t","name":"headworks_answer","input":{}}],"stop_reason":'
            b'"end_turn","usage":{"input_tokens":1,"output_tokens":1}}',
            b'{"content":[{"type":"text","text":"half \\ud83d"}],"stop_reason":"x","usage":{"input_tokens":"1"}}',
        ),
        "responses_asked": (
            b'{"model":"a","input":[{"role":"user","content":"hi"},{"type":"function_call","call_id":"c","name":"f","namespace":"n","arguments":"{}"}],'
            b'"tools":[{"type":"namespace","name":"n","tools":[{"type":"function","name":"f"}]}],"text":{"format":{"type":"text"}},"store":true}',
            b'{"model":"a","input":[{"type":"reasoning","summary":[],"encrypted_content":"hw1.eyJvcmlnaW4iOiJ4In0="}]}',
            b'{"model":"a","prompt":["a","b"],"n":2,"best_of":3,"suffix":"x"}',
            b'{"model":"a","input":[' + b"[" * 900 + b"]" * 900 + b"]}",
        ),
        "responses_stream": (
            b'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":{"id":"r"}}\n\n'
            b'data: {"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"m"}}\n\n'
            b'data: {"type":"response.output_text.delta","output_index":0,"content_index":0,"item_id":"m","delta":"hi"}\n\n'
            b'data: {"type":"response.completed","response":{"id":"r","status":"completed","output":[],"usage":{"input_tokens":2}}}\n\n',
            b'data: {"type":"error","error":{"message":"no"}}\n\n',
            b'data: {"type":"response.output_item.done","item":{"type":"reasoning","summary":[{"text":5}]},"output_index":"x"}\n\n',
        ),
        "responses_kept": (
            b'{"model":"a","input":[{"role":"user","content":"hi"}],"reasoning":{},"include":["x"]}\n\n'
            b'{"id":"r","status":"completed","output":[{"type":"reasoning","summary":[]},{"type":"message","content":[{"type":"output_text","text":"hi"}]}]}',
            b'{"model":"a","input":"hi"}\n\ndata: {"type":"response.created","response":{"id":"r"}}\n\n'
            b'data: {"type":"response.completed","response":{"id":"r","status":"completed","output":[{"id":7}]}}\n\n',
            b'{"model":"a","input":['
            + b"[" * 900
            + b"]" * 900
            + b'],"previous_response_id":"\\ud800"}\n\n{"status":"completed","output":[[[]]]}',
        ),
        "responses_whole": (
            b'{"id":"r","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"hi"}]}],"usage":{"input_tokens":2}}',
            b'{"status":"failed","error":{"code":"server_error","message":"no"}}',
        ),
        "system": (SYSTEM, SYSTEM.replace(b"95", b"195"), b"a: &x [*x]\n", b"{" * 500),
        "suite": (
            b"samples: [{input: hi, expected: hi}]\nscorers: [{kind: regex, pattern: '(a|aa)+$'}]\n",
            b'{"input": "hi", "expected": "hi"}\n',
            b"input,expected\nhi,hi\n",
        ),
        "prompt": (
            b'---\nvariables: {text: {type: string}}\n---\n# user\n{{ text }}\x00{"variables":{"text":"hi"}}',
            b"{% for a in range(9) %}{{ text }}{% endfor %}\x00{}",
        ),
        "schema": (
            b'{"type":"array","items":{"type":"string"},"uniqueItems":true}\x00["a","a"]',
            b'{"pattern":"^(\\\\w+\\\\s?)*$"}\x00"aaaaaaaaaaaaaaaaaaaaaaaaaaaa!"',
        ),
        "judged": (b"```json\n{}\n```", b"```" + b" " * 4000 + b"x", b"The answer is (B) 1,000.5", b"1," * 500),
        "backup": (BACKUP, BACKUP.partition(b"\n")[0] + b'\n{"table":"identity"}\n' + b"[" * 3000 + b"\n"),
    }
)
"""By target, without the first byte."""
