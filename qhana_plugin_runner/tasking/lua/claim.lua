-- Ask whether a message may start, and note that it does.
-- KEYS: hash of the task, hash of its payloads. ARGV: delivery id, worker, a name for this call: when no
-- answer comes it is repeated. Returns a verdict, seconds since a worker first claimed a message of the
-- task, and for how many this one was registered before.
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local entry, ended, cancel, began = unpack(
  redis.call('HMGET', KEYS[1], ARGV[1], '!ended', '!cancel', '!began')
)
if not entry then return {'unknown', '0'} end
if ended then return {'ended', '0'} end
entry = cjson.decode(entry)
if entry.worker and entry.call ~= ARGV[3] then return {'taken', '0'} end
if cancel then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[2], ARGV[1])
  return {'cancelled', '0'}
end
began = began or tostring(now)
entry.worker = ARGV[2]
entry.call = ARGV[3]
entry.started = now
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(entry), '!began', began)
if entry.once then redis.call('HDEL', KEYS[2], ARGV[1]) end
return {'ok', tostring(now - began), tostring(now - entry.sent)}
