import { createHash } from 'node:crypto'
import { after } from 'node:test'
import { functionName, type Reply, type Script } from '../../../../src/engine/redis/client/port.js'
import { createRedisClient, type RedisClientOptions } from '../../../../src/engine/redis/client/index.js'
import { partitionTags } from '../../../../src/engine/redis/nodes/partitions.js'
import { startProxy } from '../../../support/network/proxy.js'

/** The first argument of all calls. */
export const CONTEXT = 'the context'

/** The Lua of a function. In `lua` `ARGV` has the arguments after the context. */
const functionOf = (lua: string): string => `function(KEYS, all) local ARGV = { unpack(all, 2) } ${lua} end`

/** A script in a library of its own. */
export const script = (name: string, lua: string, repeatable = false): Script => {
  const library = `kit_${createHash('sha1').update(lua).digest('hex')}`
  const source = `#!lua name=${library}
    redis.register_function('${functionName(library, name)}', ${functionOf(lua)})`
  return { name, library: { name: library, source }, repeatable, isShort: false }
}

/** Runs several scripts as the engine's library does (`scripts/several.ts`). */
const SEVERAL = `redis.register_function('NAME_OF_LIBRARY_several', function(keys, all)
  local results = {}
  for n, list in ipairs(cjson.decode(all[2])) do
    local ok, result = pcall(steps[list[1]], keys, list)
    if not ok and type(result) ~= 'table' then
      result = { err = string.find(result, '^%u+ ') and result or 'ERR ' .. result }
    end
    results[n] = result
    if all[3] and not (ok and result[2] == all[3]) then break end
  end
  return results
end)`

/** Scripts of one library that takes several in a call. Each has the Lua of its function, as `script` has it. */
export const scriptsTogether = (
  luas: Readonly<Record<string, { lua: string; repeatable?: boolean }>>,
): Readonly<Record<string, Script>> => {
  const functions = Object.entries(luas).map(
    ([name, { lua }]) => `steps['${name}'] = ${functionOf(lua)}
      redis.register_function('NAME_OF_LIBRARY_${name}', steps['${name}'])`,
  )
  const lua = ['local steps = {}', ...functions, SEVERAL].join('\n')
  const name = `kit_${createHash('sha1').update(lua).digest('hex')}`
  const source = `#!lua name=${name}\n${lua.replaceAll('NAME_OF_LIBRARY', name)}`
  const library = { name, source }
  return Object.fromEntries(
    Object.entries(luas).map(([script, { repeatable = false }]) => [
      script,
      { name: script, library, repeatable, isShort: true },
    ]),
  )
}

/** Counts in a hash, and publishes the count in its channel. */
export const count = script('count', `return redis.call('HINCRBY', KEYS[1], 'n', ARGV[1])`)
export const countAgain = script(
  'count-again',
  `return redis.call('HINCRBY', KEYS[1], 'n', ARGV[1]) + 0`,
  true,
)
/** Has a second key that never exists. While its slot moves, the server that has the first one answers TRYAGAIN. */
export const countWithMissing = script(
  'count-with-missing',
  `redis.call('DEL', KEYS[2]) return redis.call('HINCRBY', KEYS[1], 'n', ARGV[1])`,
)
export const publish = script('publish', `return redis.call('PUBLISH', ARGV[1], ARGV[2])`, true)
export const publishSharded = script(
  'publish-sharded',
  `return redis.call('SPUBLISH', ARGV[1], ARGV[2])`,
  true,
)

/** Tags that are spread evenly over the slots. */
export const spreadTags = (count: number): string[] => {
  const tags = partitionTags()
  return Array.from({ length: count }, (_, n) => tags[Math.floor((n * tags.length) / count)] ?? '')
}

export interface TestClient {
  readonly client: ReturnType<typeof createRedisClient>
  readonly messages: { channel: string; message: string; at: number }[]
  readonly errors: unknown[]
  resubscribed(): number
  run(script: Script, keys: string[], ...args: string[]): Promise<Reply>
}

/** Opens a client, which is closed after the test. */
export const openClient = async (options: RedisClientOptions): Promise<TestClient> => {
  const client = createRedisClient(options)
  const messages: TestClient['messages'] = []
  const errors: unknown[] = []
  let resubscribed = 0
  after(() => client.close())
  await client.open({
    onMessage: (channel, message) => messages.push({ channel, message, at: performance.now() }),
    onResubscribed: () => (resubscribed += 1),
    onError: (error) => errors.push(error),
  })
  return {
    client,
    messages,
    errors,
    resubscribed: () => resubscribed,
    run: (what, keys, ...args) => client.run(what, { keys, context: CONTEXT, args }),
  }
}

/**
 * Calls `work` again and again, with a pause, until the returned function is called. The function's promise resolves when the last call
 * has ended.
 */
export const repeat = (milliseconds: number, work: () => Promise<unknown>): (() => Promise<void>) => {
  const stop = new AbortController()
  const loop = (async () => {
    while (!stop.signal.aborted) {
      await work()
      await new Promise((resolve) => setTimeout(resolve, milliseconds))
    }
  })()
  return async () => {
    stop.abort()
    await loop
  }
}

/** A proxy that can keep the server's replies from the client, and then cut its connections. */
export const withheldReplies = async (
  target: number,
): Promise<{ port: number; withhold(): void; cut(): void }> => {
  const { url, wires, cut } = await startProxy(`http://127.0.0.1:${target}`)
  const withhold = (): void => {
    for (const { down } of wires) down.stall()
  }
  return { port: Number(new URL(url).port), withhold, cut }
}
