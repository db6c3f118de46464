// Runs tests of the Redis engine on Valkey: node scripts/test-valkey.mjs
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/**
 * The tests of what a server does: the engine's whole suite, in which every script runs; what the client asks servers, Sentinels and
 * clusters; failover, restarts, replication and restored data; long lists, which scripts read in parts. The others test what the engine
 * does with answers, and what it does if they are lost, which is the same whatever server gave them.
 */
const ON_THE_SERVER = [
  'standalone.test.ts',
  'client',
  'recovery/failover.test.ts',
  'recovery/outages.test.ts',
  'recovery/restored.test.ts',
  'messages/large-lists.test.ts',
  'scripts/decisions.test.ts',
  'scripts/simulated.test.ts',
]

const args = ON_THE_SERVER.map((name) => `test/system/redis-engine/${name}`)
const child = spawn(process.execPath, [fileURLToPath(new URL('test.mjs', import.meta.url)), ...args], {
  stdio: 'inherit',
  env: { ...process.env, REDIS_FLAVOR: 'valkey' },
})
child.on('exit', (code) => process.exit(code ?? 1))
// Ctrl+C also stops the child. This process waits for its exit.
process.on('SIGINT', () => undefined)
