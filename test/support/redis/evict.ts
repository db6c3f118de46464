import { until } from '../until.js'
import type { RedisServer } from './server.js'

/** Has a server evict keys of another program. Resolves when it has. */
export const evict = async ({ command }: RedisServer): Promise<void> => {
  for (let n = 0; n < 100; n++) await command('set', `of another program ${n}`, 'x'.repeat(10_000), 'ex', 600)
  await command('config', 'set', 'maxmemory-policy', 'volatile-random')
  const used = /used_memory:(\d+)/.exec(await command('info', 'memory'))?.[1]
  await command('config', 'set', 'maxmemory', Number(used) - 300_000)
  await until('keys are evicted', async () => /evicted_keys:[1-9]/.test(await command('info', 'stats')))
  await command('config', 'set', 'maxmemory', '0')
}
