-- Returns the time up to which the credentials of an app are revoked.
return reply(call('GET', K.revoked))
