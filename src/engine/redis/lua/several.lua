-- Runs several scripts of the library, one after the other, as if each had come in a call of its own. Without a cluster the counts of
-- apps are written once, at the end.
-- ARGV: 1 the context (`base.lua`); 2 a JSON list with a list for each script: the script's name, and its arguments after the context; 3 may
--   be missing: how each result begins. A script that fails, or whose result begins otherwise, is the last that runs.
-- Returns for each script that has run its result, or its error.

-- Returns an error reply. An error of Redis begins with a code. An error of Lua does not, and gets one here.
local function error_of(problem)
  if type(problem) == 'table' then return problem end
  local message = tostring(problem)
  return { err = string.find(message, '^%u+ ') and message or 'ERR ' .. message }
end

local function several(keys, args)
  local results, apps = {}, {}
  set_context(args[1])
  local scripts = cjson.decode(args[2])
  shared = { counts = {} }
  for n, script in ipairs(scripts) do
    local ok, result = pcall(steps[script[1]], keys, script)
    results[n] = not ok and error_of(result) or result
    apps[n] = appId
    if args[3] and not (ok and result[2] == args[3]) then break end
  end
  for app, of in pairs(shared.counts) do
    -- If this function failed, the caller would run the scripts again.
    local ok, problem = pcall(write_counts, of)
    for each = 1, ok and 0 or #results do
      if apps[each] == app then results[each] = error_of(problem) end
    end
  end
  shared = nil
  return results
end
redis.register_function('NAME_OF_LIBRARY_several', several)
