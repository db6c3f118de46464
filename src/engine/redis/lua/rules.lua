-- Shared by all scripts: the rules of an app's messages, which hardly ever change.
local rules_of
do
  -- The parsed rules by their texts. To parse a text takes longer than everything else that a script does with the rules.
  local knownRules, knownCount = {}, 0
  local MAX_KNOWN = 1000

  -- Returns the rules that a text has, separated by spaces: milliseconds for which a message's id makes a retry safe; `1` if a recipient who
  -- does not exist is created; the retention as messages, bytes and milliseconds; the share of the retention that one sender's unread
  -- messages may take; milliseconds from a message until there may be something to push to the recipient's devices, or `-` for never; `1` if
  -- the message is only looked up.
  function rules_of(words)
    local rules = knownRules[words]
    if rules then return rules end
    local window, creates, messages, bytes, age, share, push, finds =
      string.match(words, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$')
    rules = {
      window = window,
      createsRecipient = creates == '1',
      retention = { messages = tonumber(messages), bytes = tonumber(bytes), age = tonumber(age) },
      share = tonumber(share),
      pushAfter = tonumber(push),
      onlyFinds = finds == '1',
    }
    if knownCount == MAX_KNOWN then knownRules, knownCount = {}, 0 end
    knownRules[words], knownCount = rules, knownCount + 1
    return rules
  end
end
