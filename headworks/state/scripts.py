"""The decisions of `memory.py` as scripts that a Valkey or Redis runs: each is atomic and one round trip.

Theory. The server runs one script at a time, so a script may look at every bound and then take from all of them. Time is
the server's own (`TIME`), so the clocks of several machines do not matter. Numbers in Lua are doubles: instants are
microseconds since 2026, which leaves steps of 1/256 of one, and what a bucket is filled to is rounded up to such a step, so
that a bucket never pays out more than it has. Money goes by as text into `HINCRBY`, which counts in 64 bits; it is compared as
doubles, exact to 9 million dollars a window.

Keys, all behind one prefix: `r:NAME` when a bucket will be full; `p:NAME` places taken; `u:OWNER` its
users or sessions that are told apart, and until when; `b:NAME:START` a window's money, `s`
spent and `r` reserved; `o:OWNER` the claims of a process that are not settled; `a:OWNER` while it lives; `owners`; `e` the
epoch: who wrote it has restored what was spent, and a server that has lost its data has lost it too; `x:ID` a claim that
its caller gave up, whose taking may still be on the way; `w:r:NAME`, `w:p:NAME` who waits for a bound: since when, and until
when that holds unless it asks again.

A claim that waits polls, and blocks every later claim that needs the limit it waits for, of any process: such a claim is refused
as if there were no room. A waiting process that dies, or a caller that leaves, blocks the others for `WAITS` seconds at most.
"""

from __future__ import annotations

from typing import Final

CLOCK: Final = """
local t = redis.call('TIME')
local at = (t[1] - 1767225600) * 1000000 + t[2]
local n = 0
local function arg() n = n + 1 return ARGV[n] end
local function num() n = n + 1 return tonumber(ARGV[n]) end
local p = arg()
local function whole(x) return string.format('%.0f', x) end
local function less(key, amount)
    if amount ~= '0' then redis.call('HINCRBY', key, 'r', '-' .. amount) end
end
local function full(x) return string.format('%.8f', math.ceil(x * 256) / 256) end
"""

WAITS: Final = 1.0
"""Seconds for which a claim that waits stands before others without asking again: four times the pause of `layers/limit.py`."""

TAKE: Final = (
    CLOCK
    + """
local owner, id, tokens, epoch, waited, waits = arg(), arg(), num(), arg(), num(), num()
if redis.call('EXISTS', p .. 'x:' .. id) == 1 then return {-1} end
local came = waited < 0 and at or at - waited
local rates, kind, index, longest, lines, behind = {}, 0, 0, -1, {}, nil
local function join(name, of, number)
    local line = p .. 'w:' .. name
    lines[#lines + 1] = {line, of, number}
    local waiting = redis.call('HGETALL', line)
    for i = 1, waited < 0 and 0 or #waiting, 2 do
        if waiting[i] == id then came = tonumber(string.match(waiting[i + 1], '%d+')) end
    end
    for i = 1, #waiting, 2 do
        local since, till = string.match(waiting[i + 1], '(%d+) (%d+)')
        if tonumber(till) < at then redis.call('HDEL', line, waiting[i])
        elseif waiting[i] ~= id and tonumber(since) < came then behind = {of, number} end
    end
end
for i = 1, num() do
    local name, size, of_tokens, period = 'r:' .. arg(), num(), arg() == '1', num()
    local key = p .. name
    join(name, 1, i)
    local was = tonumber(redis.call('GET', key) or '') or 0
    local amount = of_tokens and tokens or 1
    local base = was > at and was or at
    local after = math.ceil((base + amount * period / size) * 256) / 256
    rates[i] = {key, size, period, was, after}
    local wait = -1
    if amount > size then wait = math.huge
    elseif after - at > period + 1 then wait = after - period - at end
    if wait > longest then kind, index, longest = 1, i, wait end
end
local places = {}
for i = 1, num() do
    local name, limit = 'p:' .. arg(), num()
    local key = p .. name
    join(name, 2, i)
    places[i] = key
    if longest < 0 and tonumber(redis.call('GET', key) or '0') >= limit then kind, index, longest = 2, i, 0 end
end
local accounts, amounts, spent, ends = {}, {}, {}, {}
local budgets = num()
if budgets > 0 and redis.call('GET', p .. 'e') ~= epoch then return {-2} end
for i = 1, budgets do
    local key, limit, amount, passes, gone = p .. 'b:' .. arg(), num(), arg(), num(), arg()
    local money = redis.call('HMGET', key, 's', 'r')
    local sum = tonumber(money[1] or '0') + tonumber(money[2] or '0')
    accounts[i], amounts[i], spent[i], ends[i] = key, amount, sum, gone
    if sum + tonumber(amount) > limit then
        local wait = tonumber(amount) > limit and math.huge or (passes < 0 and math.huge or passes)
        if wait >= longest then kind, index, longest = 3, i, wait end
    end
end
if behind and kind == 0 then kind, index, longest = behind[1], behind[2], 0 end
local granted = kind == 0
if waited >= 0 then
    for _, line in ipairs(lines) do
        if not granted and longest < math.huge and line[2] == kind and line[3] == index then
            redis.call('HSET', line[1], id, whole(came) .. ' ' .. whole(at + waits))
            redis.call('PEXPIRE', line[1], whole(math.ceil(waits / 1000)))
        else redis.call('HDEL', line[1], id) end
    end
end
local left, resets = {}, {}
for i, rate in ipairs(rates) do
    local number = granted and rate[5] or rate[4]
    if granted then redis.call('SET', rate[1], full(number), 'PX', whole(math.ceil((number - at) / 1000) + 1)) end
    if number <= at then left[i], resets[i] = rate[2], 0
    else
        local room = (rate[3] - (number - at)) * rate[2] / rate[3]
        left[i], resets[i] = room > 0 and math.floor(room + 0.001) or 0, math.ceil(number - at)
    end
end
if not granted then
    local wait = longest
    if kind < 3 and longest == 0 then wait = -1 elseif longest == math.huge then wait = -2 end
    return {0, kind, index, wait < 0 and wait or math.ceil(wait), left, resets}
end
for _, key in ipairs(places) do redis.call('INCR', key) end
for i, key in ipairs(accounts) do
    local is_first = redis.call('HINCRBY', key, 'r', amounts[i]) == tonumber(amounts[i])
    local gone = tonumber(ends[i])
    if gone < 0 or (is_first and gone > 0) then
        redis.call('EXPIREAT', key, whole(math.abs(gone)))
    end
    spent[i] = whole(spent[i] + tonumber(amounts[i]))
end
redis.call('HSET', p .. 'o:' .. owner, id, cmsgpack.pack({places, accounts, amounts}))
return {1, at, left, resets, spent}
"""
)
"""-1: given up before. -2: the epoch is another, and nothing may be spent until it is restored."""

RESERVE: Final = (
    CLOCK
    + """
local owner, id = arg(), arg()
local kept = redis.call('HGET', p .. 'o:' .. owner, id)
if not kept then return 1 end
local claim = cmsgpack.unpack(kept)
local asked = {}
for i = 1, num() do
    local limit, amount = num(), arg()
    local was = tonumber(claim[3][i])
    asked[i] = amount
    if tonumber(amount) > was then
        local money = redis.call('HMGET', claim[2][i], 's', 'r')
        if tonumber(money[1] or '0') + tonumber(money[2] or '0') - was + tonumber(amount) > limit then return i end
    end
end
for i, amount in ipairs(asked) do
    local more = tonumber(amount) - tonumber(claim[3][i])
    if more > 0 then
        redis.call('HINCRBY', claim[2][i], 'r', whole(more))
        claim[3][i] = amount
    end
end
redis.call('HSET', p .. 'o:' .. owner, id, cmsgpack.pack(claim))
return 0
"""
)

SETTLE: Final = (
    CLOCK
    + """
local owner, id, taken_at, taken, used, gives_up = arg(), arg(), num(), num(), num(), arg() == '1'
local kept = redis.call('HGET', p .. 'o:' .. owner, id)
if not kept then
    if gives_up then redis.call('SET', p .. 'x:' .. id, '', 'EX', '60') end
    return 0
end
redis.call('HDEL', p .. 'o:' .. owner, id)
local claim = cmsgpack.unpack(kept)
for i = 1, num() do
    local key, size, period = p .. 'r:' .. arg(), num(), num()
    local number = tonumber(redis.call('GET', key) or '') or 0
    local after = number
    if used > taken then after = (number > at and number or at) + (used - taken) * period / size
    elseif used >= 0 then
        local back = (taken - used) * period / size - (at - taken_at)
        if back > 0 then after = number - back end
    end
    if after ~= number then
        if after <= at then redis.call('DEL', key)
        else redis.call('SET', key, full(after), 'PX', whole(math.ceil((after - at) / 1000) + 1)) end
    end
end
for _, key in ipairs(claim[1]) do
    if redis.call('DECR', key) <= 0 then redis.call('DEL', key) end
end
for i = 1, num() do
    local cost, key, reserved = arg(), claim[2][i], claim[3][i]
    less(key, reserved)
    redis.call('HINCRBY', key, 's', cost == '-' and reserved or cost)
end
return 1
"""
)

END: Final = (
    CLOCK
    + """
local owner = arg()
local claims = redis.call('HGETALL', p .. 'o:' .. owner)
for i = 2, #claims, 2 do
    local claim = cmsgpack.unpack(claims[i])
    for _, key in ipairs(claim[1]) do
        if redis.call('DECR', key) <= 0 then redis.call('DEL', key) end
    end
    for j, key in ipairs(claim[2]) do
        less(key, claim[3][j])
        redis.call('HINCRBY', key, 's', claim[3][j])
    end
end
redis.call('DEL', p .. 'o:' .. owner, p .. 'a:' .. owner)
redis.call('SREM', p .. 'owners', owner)
return #claims / 2
"""
)
"""What a dead process had reserved is spent: its record will say `lost` and the same amount."""

HEARTBEAT: Final = (
    CLOCK
    + """
local owner = arg()
redis.call('SET', p .. 'a:' .. owner, '1', 'PX', arg())
redis.call('SADD', p .. 'owners', owner)
local dead, living = {}, 0
for _, one in ipairs(redis.call('SMEMBERS', p .. 'owners')) do
    if redis.call('EXISTS', p .. 'a:' .. one) == 1 then living = living + 1 else dead[#dead + 1] = one end
end
return {redis.call('GET', p .. 'e') or '', living, dead}
"""
)
"""The epoch, how many processes are alive, and which ones are dead."""

RESTORE: Final = (
    CLOCK
    + """
local epoch = arg()
for i = 1, num() do
    local key, amount, gone = p .. 'b:' .. arg(), arg(), arg()
    if tonumber(redis.call('HGET', key, 's') or '0') < tonumber(amount) then redis.call('HSET', key, 's', amount) end
    if gone ~= '0' then redis.call('EXPIREAT', key, gone) end
end
if epoch ~= '' then redis.call('SET', p .. 'e', epoch, 'NX') end
return redis.call('GET', p .. 'e') or ''
"""
)
"""Never less than was counted: other processes may have settled what no ledger has yet."""

COUNT: Final = (
    CLOCK
    + """
if redis.call('SET', p .. 'x:' .. arg(), '', 'EX', '3600', 'NX') then
    for i = 1, num() do
        local key, amount, gone = p .. 'b:' .. arg(), arg(), arg()
        redis.call('HINCRBY', key, 's', amount)
        if gone ~= '0' then redis.call('EXPIREAT', key, gone) end
    end
end
return 1
"""
)
"""Adds what was spent while the state was away. Harmless twice."""

ADMIT: Final = (
    CLOCK
    + """
local most, kept, out = num(), num(), {}
for i = 1, num() do
    local owner, name, lasts = arg(), arg(), num()
    local key = p .. 'u:' .. owner
    redis.call('ZREMRANGEBYSCORE', key, '-inf', '(' .. whole(at))
    local until_ = at + lasts
    local was = redis.call('ZSCORE', key, name)
    for _, kind in ipairs({'b:', 'b:calls/'}) do
        local life = p .. kind .. owner .. '/' .. name .. ':0'
        local stays = redis.call('TTL', life)
        if stays >= 0 and stays < kept and (redis.call('HGET', life, 'r') or '0') == '0' then redis.call('DEL', life)
        elseif stays >= 0 then redis.call('EXPIRE', life, whole(math.ceil(lasts / 1000000) + kept)) end
    end
    out[i] = 1
    if was then
        if tonumber(was) < until_ then redis.call('ZADD', key, whole(until_), name) end
    elseif redis.call('ZCARD', key) < most then redis.call('ZADD', key, whole(until_), name)
    else out[i] = 0 end
    local stays = math.ceil(lasts / 1000000) + 86400
    if redis.call('TTL', key) < stays then redis.call('EXPIRE', key, whole(stays)) end
end
return out
"""
)
"""Of each user or session whether it has an account of its own, or shares one (`policy/subjects.py`). What stays for less
than `kept` seconds is of a session that was silent for its life: it has spent nothing."""

ALL: Final = (ADMIT, TAKE, RESERVE, SETTLE, END, HEARTBEAT, RESTORE, COUNT)
