-- Whole answers, streams, refusals and unknown models, mixed. Environment: BODY (with `bench` as model), KEY.
local whole = os.getenv("BODY")
local stream = whole:gsub('"stream":false', '"stream":true')
local unknown = whole:gsub('"bench"', '"nobody"', 1)
local headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. (os.getenv("KEY") or "") }
local stranger = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer nobody" }
local number = 0
function request()
  number = number + 1
  local kind = number % 10
  if kind < 6 then return wrk.format("POST", "/v1/chat/completions", headers, whole) end
  if kind < 8 then return wrk.format("POST", "/v1/chat/completions", headers, stream) end
  if kind < 9 then return wrk.format("POST", "/v1/chat/completions", headers, unknown) end
  return wrk.format("POST", "/v1/chat/completions", stranger, "not json")
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('JSON {"requests":%d,"seconds":%.4f,"errors":%d,"p50":%.0f,"p99":%.0f}\n', summary.requests,
    summary.duration / 1e6, e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99)))
end
