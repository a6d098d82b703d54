-- Put a new message in the place of a lost one.
-- KEYS: hash of the task, hash of its payloads. ARGV: delivery id, new delivery id, worker or "",
-- "1" if the message has to be that worker's. Returns 1 when it was done.
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local entry = redis.call('HGET', KEYS[1], ARGV[1])
if not entry then return 0 end
entry = cjson.decode(entry)
if ARGV[4] == '1' and (entry.worker or '') ~= ARGV[3] then return 0 end
-- Only of open tasks are messages sent again: one with this id has ended in an earlier database.
redis.call('HDEL', KEYS[1], ARGV[1], '!ended')
local new = {queue = entry.queue, sent = now, request = entry.request, once = entry.once}
redis.call('HSET', KEYS[1], ARGV[2], cjson.encode(new))
local payload = redis.call('HGET', KEYS[2], ARGV[1])
if payload then
  redis.call('HDEL', KEYS[2], ARGV[1])
  redis.call('HSET', KEYS[2], ARGV[2], payload)
end
return 1
