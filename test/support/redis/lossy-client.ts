import { setTimeout as pause } from 'node:timers/promises'
import { EngineError } from '../../../src/engine/index.js'
import { createRedisClient, type RedisClientOptions } from '../../../src/engine/redis/client/index.js'
import type { RedisClient, Reply } from '../../../src/engine/redis/client/port.js'

/**
 * What happens to a call: Redis does not receive it, runs it but the reply is lost, runs it after the caller was told that it failed,
 * receives it after a delay, or runs it twice, since the client sends it again if it is repeatable and its first reply was lost.
 */
export type Fate = 'lost-request' | 'lost-reply' | 'late' | 'slow' | 'repeated'

/** Milliseconds. */
const DELAY = 50

/** A client whose calls have the fate that `fateOf` returns for the script of this name; undefined for none. */
export const lossyClient = (
  options: RedisClientOptions,
  fateOf: (name: string) => Fate | undefined,
): { client: RedisClient; settled: () => Promise<unknown> } => {
  const client = createRedisClient(options)
  const run = client.run.bind(client)
  const late = new Set<Promise<unknown>>()
  const lost = (): Error => new EngineError('unavailable', 'The test has lost the reply.')
  client.run = async (script, input, onRepeat): Promise<Reply> => {
    const fate = fateOf(script.name)
    if (fate === 'lost-request') throw lost()
    if (fate === 'late') {
      // The client may be closed by then.
      const running: Promise<unknown> = pause(DELAY)
        .then(() => run(script, input, onRepeat))
        .catch(() => undefined)
        .finally(() => late.delete(running))
      late.add(running)
      throw lost()
    }
    if (fate === 'slow') await pause(DELAY)
    if (fate === 'repeated' && script.repeatable) {
      await run(script, input)
      onRepeat?.()
    }
    const reply = await run(script, input, onRepeat)
    if (fate === 'lost-reply') throw lost()
    return reply
  }
  return { client, settled: () => Promise.all(late) }
}
