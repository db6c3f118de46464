-- Stores the value of a message's id, or of a sender's copy.
call('SET', K.id or K.copy, arg(1), 'PX', arg(2))
return reply()
