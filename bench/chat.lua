-- One chat body for ever; prints one JSON line at the end. Environment: BODY, KEY.
wrk.method = "POST"
wrk.path = "/v1/chat/completions"
wrk.body = os.getenv("BODY")
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. (os.getenv("KEY") or "")
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('JSON {"requests":%d,"seconds":%.4f,"errors":%d,"p50":%.0f,"p99":%.0f}\n', summary.requests,
    summary.duration / 1e6, e.status + e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99)))
end
