"""Limits in a Redis server, shared by processes and machines: each question is one script, which Redis runs whole.

A client of redis-py may repeat a question whose answer was lost: what has an id is then found, and not counted again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NOW = "local t = redis.call('TIME'); local now = tonumber(t[1]) + tonumber(t[2]) / 1e6\n"
_COUNT = (
    _NOW
    + """
local per, requests, tokens = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local amount, id, late = tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
if redis.call('ZSCORE', KEYS[1], id) then return '0' end
for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - per)) do
  redis.call('HINCRBYFLOAT', KEYS[2], 'used', '-' .. (redis.call('HGET', KEYS[2], old) or '0'))
  redis.call('HDEL', KEYS[2], old)
  redis.call('ZREM', KEYS[1], old)
end
local wait = tonumber(redis.call('GET', KEYS[3]) or '0') - now
local sent = redis.call('ZCARD', KEYS[1])
if requests >= 0 and sent >= requests then
  local oldest = redis.call('ZRANGE', KEYS[1], sent - requests, sent - requests, 'WITHSCORES')
  wait = math.max(wait, tonumber(oldest[2]) + per - now)
end
if tokens >= 0 then
  local over = tonumber(redis.call('HGET', KEYS[2], 'used') or '0') + math.min(amount, tokens) - tokens
  if over > 0 then
    local all = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
    for i = 1, #all, 2 do
      if over <= 0 then break end
      over = over - tonumber(redis.call('HGET', KEYS[2], all[i]) or '0')
      wait = math.max(wait, tonumber(all[i + 1]) + per - now)
    end
  end
end
if wait > 0 then return tostring(wait) end
redis.call('ZADD', KEYS[1], now + late, id)
redis.call('HSET', KEYS[2], id, ARGV[4])
redis.call('HINCRBYFLOAT', KEYS[2], 'used', ARGV[4])
redis.call('PEXPIRE', KEYS[1], math.ceil((per + late) * 2000))
redis.call('PEXPIRE', KEYS[2], math.ceil((per + late) * 2000))
return '0'
"""
)
_CORRECT = """
local old = redis.call('HGET', KEYS[1], ARGV[1])
if old then
  redis.call('HINCRBYFLOAT', KEYS[1], 'used', tostring(tonumber(ARGV[2]) - tonumber(old)))
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
"""
_PAUSE = (
    _NOW
    + """
local till = math.max(now + tonumber(ARGV[1]), tonumber(redis.call('GET', KEYS[1]) or '0'))
redis.call('SET', KEYS[1], string.format('%.6f', till), 'PX', math.ceil((till - now) * 1000) + 1000)
"""
)
_TAKE = (
    _NOW
    + """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return '0' end
if redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[1])
  redis.call('PEXPIRE', KEYS[1], math.ceil(tonumber(ARGV[3]) * 1000) + 1000)
  return '0'
end
return tostring(tonumber(redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]) - now)
"""
)
_RESERVE = """
local sum = function(field) return tonumber(redis.call('HGET', KEYS[1], field) or '0') end
local left = tonumber(ARGV[4]) - sum('spent') - sum('estimated') - sum('reserved')
local left_tokens = tonumber(ARGV[5]) - sum('tokens') - sum('reserved_tokens')
local fits = (tonumber(ARGV[4]) < 0 or tonumber(ARGV[2]) <= left)
  and (tonumber(ARGV[5]) < 0 or tonumber(ARGV[3]) <= left_tokens)
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then
  fits = true
elseif fits then
  redis.call('HINCRBY', KEYS[1], 'reserved', ARGV[2])
  redis.call('HINCRBY', KEYS[1], 'reserved_tokens', ARGV[3])
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
end
return {fits and 1 or 0, string.format('%.0f', left), string.format('%.0f', left_tokens)}
"""
_SETTLE = """
local held = redis.call('HGET', KEYS[2], ARGV[1])
if not held then return end
redis.call('HDEL', KEYS[2], ARGV[1])
local dollars, tokens = held:match('(%d+) (%d+)')
local less = function(field, amount)
  -- Redis takes '-0' for no integer.
  if amount ~= '0' then redis.call('HINCRBY', KEYS[1], field, '-' .. amount) end
end
less('reserved', dollars)
less('reserved_tokens', tokens)
for i = 2, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
"""
_ENTER = (
    _NOW
    + """
local failed = tonumber(redis.call('HGET', KEYS[1], 'failed') or '0')
if failed < tonumber(ARGV[1]) then return {'0', failed} end
local till = tonumber(redis.call('HGET', KEYS[1], 'until') or '0')
if now < till then return {tostring(till - now), failed} end
redis.call('HSET', KEYS[1], 'until', string.format('%.6f', now + tonumber(ARGV[2])))
return {'0', failed}
"""
)
_JUDGE = (
    _NOW
    + """
if ARGV[1] == 'well' then redis.call('DEL', KEYS[1]) return end
local till = tonumber(redis.call('HGET', KEYS[1], 'until') or '0')
if ARGV[1] == 'failed' then
  redis.call('HINCRBY', KEYS[1], 'failed', 1)
  till = now + tonumber(ARGV[2])
else
  till = math.min(till, now)
end
redis.call('HSET', KEYS[1], 'until', string.format('%.6f', till))
redis.call('EXPIRE', KEYS[1], math.ceil(tonumber(ARGV[2])) + 86400)
"""
)
_READ = (
    _NOW
    + """
local past = '(' .. string.format('%.6f', now - tonumber(ARGV[1]))
local counting = redis.call('ZRANGEBYSCORE', KEYS[1], past, '+inf')
local tokens = 0
for _, id in ipairs(counting) do tokens = tokens + tonumber(redis.call('HGET', KEYS[2], id) or '0') end
local running = redis.call('ZCOUNT', KEYS[4], string.format('%.6f', now), '+inf')
local till = tonumber(redis.call('GET', KEYS[3]) or redis.call('HGET', KEYS[5], 'until') or '0')
local failed = redis.call('HGET', KEYS[5], 'failed') or '0'
return {#counting, tostring(tokens), tostring(math.max(till - now, 0)), running, failed}
"""
)
_PARTS = ("sent", "tokens", "pause", "places", "circuit")


class RedisLimits:
    """The limits of a RedisStore; see LimitStore. Every key holds its name in braces, so that a cluster keeps the keys
    of one limit together."""

    _client: Any
    _prefix: str

    def _run(self, script: str, keys: tuple[str, ...], *arguments: object) -> Any:
        return self._client.register_script(script)(keys=keys, args=[str(each) for each in arguments])

    def _keys(self, name: str, *parts: str) -> tuple[str, ...]:
        return tuple(f"{self._prefix}{{{name}}}:{part}" for part in parts)

    def count_attempt(
        self, name: str, id: str, amount: float, *, requests: int | None, tokens: float | None, per: float, late: float
    ) -> float:
        """Count an attempt if it fits, and return 0, else the seconds until it may."""
        limits = (per, -1 if requests is None else requests, -1 if tokens is None else tokens)
        return float(self._run(_COUNT, self._keys(name, "sent", "tokens", "pause"), *limits, amount, id, late))

    def correct_attempt(self, name: str, id: str, amount: float) -> None:
        """Set the tokens of an attempt, if it still counts."""
        self._run(_CORRECT, self._keys(name, "tokens"), id, amount)

    def pause(self, name: str, seconds: float) -> None:
        """Refuse attempts for so many seconds."""
        self._run(_PAUSE, self._keys(name, "pause"), seconds)

    def take_place(self, name: str, id: str, limit: int, seconds: float) -> float:
        """Take one of `limit` places for at most `seconds`, and return 0; if none is free, the seconds until one is."""
        return float(self._run(_TAKE, self._keys(name, "places"), id, limit, seconds))

    def leave_place(self, name: str, id: str) -> None:
        """Give a place back."""
        self._client.zrem(*self._keys(name, "places"), id)

    def reserve(
        self, name: str, id: str, amounts: tuple[int, int], limits: tuple[int | None, int | None]
    ) -> tuple[bool, int, int]:
        """Reserve dollars and tokens if both fit; return whether they do, and what was left of each."""
        most = [-1 if limit is None else limit for limit in limits]
        fits, *left = self._run(_RESERVE, self._keys(name, "sums", "reserved"), id, *amounts, *most)
        return bool(fits), int(left[0]), int(left[1])

    def settle(self, name: str, id: str, sums: Mapping[str, int]) -> None:
        """Remove a reservation, if it is there, and add what was used to the sums."""
        pairs = [each for pair in sums.items() for each in pair]
        self._run(_SETTLE, self._keys(name, "sums", "reserved"), id, *pairs)

    def sums(self, name: str) -> Mapping[str, int]:
        """Return the sums of a budget."""
        found = self._client.hgetall(*self._keys(name, "sums"))
        return {_text(field): int(value) for field, value in found.items()}

    def enter_circuit(self, name: str, failures: int, cooldown: float) -> tuple[float, int]:
        """Return the seconds until a call is let through, and how often in a row calls have failed."""
        wait, failed = self._run(_ENTER, self._keys(name, "circuit"), failures, cooldown)
        return float(wait), int(failed)

    def judge_circuit(self, name: str, well: bool | None, cooldown: float) -> None:
        """Note how a call has ended."""
        word = "unknown" if well is None else "well" if well else "failed"
        self._run(_JUDGE, self._keys(name, "circuit"), word, cooldown)

    def read(self, name: str, per: float) -> Mapping[str, float]:
        """Return what is known under a name."""
        found = self._run(_READ, self._keys(name, *_PARTS), per)
        return dict(zip(("requests", "tokens", "wait", "running", "failed"), map(float, found), strict=True))

    def forget(self, name: str) -> None:
        """Forget what is known under a name."""
        self._client.delete(*self._keys(name, *_PARTS, "sums", "reserved"))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
