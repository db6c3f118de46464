-- The last part: each script begins with this.
local function begin(keys, args, writes)
  begin_base(keys, args)
  begin_state(args, writes)
  begin_rows()
  begin_webhooks(args)
  begin_peers()
end
