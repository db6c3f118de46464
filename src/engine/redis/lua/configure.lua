-- Keeps an app's options for nodes that open before they are told them.
call('HSET', K.apps, appId, arg(1))
return reply()
