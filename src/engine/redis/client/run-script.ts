import { setTimeout as sleep } from 'node:timers/promises'
import { functionName, type Library, type Reply, type Script, type ScriptInput } from './port.js'
import type { Call } from './calls.js'
import type { ServerConnection } from './server-connection.js'
import { ConnectionFailure, redirectOf, replyCode } from './failures.js'
import { addressText, type Address } from './options.js'
import type { Servers } from './servers.js'

/**
 * How many redirects one call follows without a pause. Before each further redirect the call pauses, in case two servers redirect to each
 * other.
 */
const QUICK_REDIRECTS = 3

/**
 * Milliseconds between attempts while a slot moves. A script that names several keys fails with TRYAGAIN while some of them have moved
 * and others have not.
 */
const TRY_AGAIN_PAUSE = 20

/** Calls a function. If the server does not know the function, loads its library, and calls the function again. */
const callFunction = async (
  connection: ServerConnection,
  library: Library,
  args: readonly (string | number)[],
  isAsking: boolean,
): Promise<Reply> => {
  try {
    return await connection.call('fcall', args, isAsking)
  } catch (error) {
    if ((error as Error).message !== 'ERR Function not found') throw error
    await connection.load(library)
    return connection.call('fcall', args, isAsking)
  }
}

/**
 * Runs a script at the master that serves its slot. Follows redirects, and sends the script again after TRYAGAIN, or after READONLY if
 * another server is the master now. If the connection is lost, sends the script once more, unless the server may have received the script
 * and the script is not repeatable. Throws every other failure at once: the master may be away for long, and calls must not pile up. This
 * function replaces the class `Cluster` of ioredis, which does not know what was sent: by its option `retryDelayOnFailover` it sends all
 * lost commands again, or none.
 */
export const runScript = async (
  servers: Servers,
  script: Script,
  slot: number,
  { keys, context, args }: ScriptInput,
  call: Call,
): Promise<Reply> => {
  const all = [functionName(script.library.name, script.name), keys.length, ...keys, context, ...args]
  let redirects = 0
  let hasRecovered = false
  let asking: Address | undefined

  /** Reads again which masters there are. Throws `error` if the reading fails, or if this call has made one before. */
  const recover = async (error: unknown): Promise<void> => {
    if (hasRecovered) throw error
    hasRecovered = true
    await servers.refresh({ elsewhere: true }).catch(() => {
      throw error
    })
  }

  for (;;) {
    const server = asking ? servers.at(asking) : servers.ofSlot(slot)
    try {
      // An open connection is used without `await`, so that calls are sent in their order.
      const connection = server.commands.open ?? (await server.commands.connection())
      return await callFunction(connection, script.library, all, asking !== undefined)
    } catch (error) {
      if (call.isOver()) throw error
      const code = replyCode(error)
      const redirect = redirectOf(error, server.address)
      asking = code === 'ASK' ? redirect : undefined
      if (redirect) {
        redirects += 1
        if (redirects > QUICK_REDIRECTS) await sleep(TRY_AGAIN_PAUSE)
        if (!asking) servers.move(slot, redirect)
      } else if (code === 'TRYAGAIN') await sleep(TRY_AGAIN_PAUSE)
      else if (code === 'READONLY') {
        await recover(error)
        if (addressText(servers.ofSlot(slot).address) === addressText(server.address)) throw error
      } else if (
        error instanceof ConnectionFailure &&
        !error.isPausing &&
        (!error.sent || script.repeatable)
      ) {
        await recover(error)
        if (error.sent) call.onRepeat?.()
      } else throw error
    }
    if (call.isOver()) throw new ConnectionFailure('the call has ended')
  }
}
