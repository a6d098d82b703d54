-- Let no more messages of a task start.
-- KEYS: hash of the task. Returns how many messages are with a worker.
local claimed = 0
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  if string.sub(fields[i], 1, 1) ~= '!' and cjson.decode(fields[i + 1]).worker then
    claimed = claimed + 1
  end
end
if #fields > 0 then redis.call('HSET', KEYS[1], '!cancel', '1') end
return claimed
