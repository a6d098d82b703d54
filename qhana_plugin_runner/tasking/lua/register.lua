-- Note a message right before it is sent.
-- KEYS: hash of the task, hash of its payloads. ARGV: delivery id, queue, payload or "", lifetime,
-- id of the HTTP request.
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
redis.call('HSET', KEYS[1], '!', '1', ARGV[1],
  cjson.encode({queue = ARGV[2], sent = now, request = ARGV[5]}))
redis.call('EXPIRE', KEYS[1], ARGV[4])
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
  redis.call('EXPIRE', KEYS[2], ARGV[4])
end
