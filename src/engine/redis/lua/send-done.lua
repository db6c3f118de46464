-- Removes the note that a sender's copy is owed.
call('HDEL', K.pending, arg(1))
return reply()
