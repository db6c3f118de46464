import { EngineError } from '../../../src/engine/index.js'
import { createRedisClient, type RedisClientOptions } from '../../../src/engine/redis/client/index.js'
import type { RedisClient, Reply } from '../../../src/engine/redis/client/port.js'

/** What happens to a call: Redis does not receive it, runs it but the reply is lost, or runs it after the caller was told that it failed. */
export type Fate = 'lost-request' | 'lost-reply' | 'late'

/** A client whose calls have the fate that `fateOf` returns for the script of this name; undefined for none. */
export const lossyClient = (
  options: RedisClientOptions,
  fateOf: (name: string) => Fate | undefined,
): { client: RedisClient; settled: () => Promise<unknown> } => {
  const client = createRedisClient(options)
  const run = client.run.bind(client)
  const late: Promise<unknown>[] = []
  const lost = (): Error => new EngineError('unavailable', 'The test has lost the reply.')
  client.run = async (script, keys, args): Promise<Reply> => {
    const fate = fateOf(script.name)
    if (fate === 'lost-request') throw lost()
    if (fate === 'late') {
      late.push(new Promise((resolve) => setTimeout(resolve, 50)).then(() => run(script, keys, args)))
      throw lost()
    }
    const reply = await run(script, keys, args)
    if (fate === 'lost-reply') throw lost()
    return reply
  }
  return { client, settled: () => Promise.all(late) }
}
