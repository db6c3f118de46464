-- Runs several scripts of the library, one after the other, as if each had come in a call of its own. Without a cluster the counts of
-- apps are written once, at the end.
-- ARGV: for each script its name; the number of its keys; its arguments as a JSON list.
-- Returns for each script its result, or its error.
local function run_step(name, keys, args) return steps[name](keys, cjson.decode(args)) end

-- Returns an error reply. An error of Redis begins with a code. An error of Lua does not, and gets one here.
local function error_of(problem)
  if type(problem) == 'table' then return problem end
  local message = tostring(problem)
  return { err = string.find(message, '^%u+ ') and message or 'ERR ' .. message }
end

local function several(keys, args)
  local results, apps, key, n = {}, {}, 0, 1
  shared = { counts = {} }
  while args[n] do
    local keyCount = tonumber(args[n + 1])
    local ok, result = pcall(run_step, args[n], { unpack(keys, key + 1, key + keyCount) }, args[n + 2])
    results[#results + 1] = not ok and error_of(result) or result
    apps[#results] = appId
    key, n = key + keyCount, n + 3
  end
  for app, of in pairs(shared.counts) do
    -- If this function failed, the caller would run the scripts again.
    local ok, problem = pcall(write_counts, of, {})
    for each = 1, ok and 0 or #results do
      if apps[each] == app then results[each] = error_of(problem) end
    end
  end
  shared = nil
  return results
end
redis.register_function('NAME_OF_LIBRARY_several', several)
