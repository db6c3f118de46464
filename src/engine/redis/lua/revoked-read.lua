-- Returns the time up to which the user's credentials are revoked.
return reply(revoked_before(load(K.user)) or false)
