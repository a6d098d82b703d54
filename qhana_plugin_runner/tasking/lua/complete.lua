-- Note that the work of a message is done.
-- KEYS: hash of the task, hash of its payloads. ARGV: delivery id, "1" to keep the last one.
-- Returns how many other messages there are; -1 when the broker has lost its data.
if redis.call('HEXISTS', KEYS[1], '!') == 0 then return -1 end
local others = redis.call('HLEN', KEYS[1]) - redis.call('HEXISTS', KEYS[1], ARGV[1])
for _, name in ipairs({'!', '!began', '!cancel', '!ended'}) do
  others = others - redis.call('HEXISTS', KEYS[1], name)
end
if others > 0 or ARGV[2] ~= '1' then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[2], ARGV[1])
end
return others
