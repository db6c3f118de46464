import { EngineError } from '../../../src/engine/index.js'
import { createRedisClient, type RedisClientOptions } from '../../../src/engine/redis/client/index.js'
import type { RedisClient, ScriptInput } from '../../../src/engine/redis/client/port.js'

export type Hook = (name: string, input: ScriptInput) => unknown

/** Has a client wait for `before` each time it runs a script, and not run it if `before` throws. Returns the client. */
export const hooked = <Client extends RedisClient>(client: Client, before: Hook): Client => {
  const run = client.run.bind(client)
  client.run = async (script, input, onRepeat) => {
    await before(script.name, input)
    return run(script, input, onRepeat)
  }
  return client
}

export const hookedClient = (options: RedisClientOptions, before: Hook): RedisClient =>
  hooked(createRedisClient(options), before)

/** A client that can't run the script of this name while `isFailing` returns true for its arguments. */
export const failingClient = (
  options: RedisClientOptions,
  name: string,
  isFailing: (args: readonly string[]) => boolean,
): RedisClient =>
  hookedClient(options, (called, { args }) => {
    if (called === name && isFailing(args))
      throw new EngineError('unavailable', 'The test lets this script fail.')
  })

/** Has a client lose the requests or replies of the scripts for which `lossOf` returns so. Returns the client. */
export const lossy = <Client extends RedisClient>(
  client: Client,
  lossOf: (name: string) => 'request' | 'reply' | undefined,
): Client => {
  const run = client.run.bind(client)
  client.run = async (script, ...args) => {
    const loss = lossOf(script.name)
    const reply = loss === 'request' ? null : await run(script, ...args)
    if (loss) throw new EngineError('unavailable', `The test has lost the ${loss}.`)
    return reply
  }
  return client
}

export const lossyClient = (
  options: RedisClientOptions,
  lossOf: (name: string) => 'request' | 'reply' | undefined,
): RedisClient => lossy(createRedisClient(options), lossOf)
