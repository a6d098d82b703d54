-- Note a message right before it is sent.
-- KEYS: hash of the task, hash of its payloads. ARGV: delivery id, queue, payload or "", lifetime,
-- id of the HTTP request, "1" if it is not to be sent again once a worker has begun with it.
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local entry = {queue = ARGV[2], sent = now, request = ARGV[5]}
if ARGV[6] == '1' then entry.once = true end
redis.call('HSET', KEYS[1], '!', '1', ARGV[1], cjson.encode(entry))
redis.call('EXPIRE', KEYS[1], ARGV[4])
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
  redis.call('EXPIRE', KEYS[2], ARGV[4])
end
