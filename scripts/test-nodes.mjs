// Runs tests on the versions of Node that are supported besides the one that runs this, each from npm: node scripts/test-nodes.mjs
// Only what Node itself does can differ between them. On the newest version, where anything may be new, the element's tests run too.
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const NEWEST = 'latest'
const BETWEEN = ['22', '24']

/**
 * The tests of what a version of Node does differently: LevelDB's binding, sockets and HTTP of servers and clients, streams, lines of text,
 * cryptography, signals and timers. The others call these through the same modules: the engine's suite, what an app may configure, REST's
 * answers, metrics, sessions' rules.
 */
const ON_NODE_ITSELF = [
  'test/engine/embedded/embedded-engine.test.ts',
  'test/engine/embedded/level-store.test.ts',
  'test/engine/embedded/memory.test.ts',
  'test/gateway/auth/authenticate-url.test.ts',
  'test/gateway/connection',
  'test/gateway/http',
  'test/gateway/lifecycle',
  'test/gateway/outbound',
  'test/gateway/push',
  'test/gateway/transports',
  'test/gateway/admin/admin-server.test.ts',
  'test/gateway/attach.test.ts',
  'test/gateway/listen.test.ts',
  'test/gateway/sessions/resuming.test.ts',
  'test/session/storage/outbox.test.ts',
  'test/session/transports',
  'test/session/dispatched-events.test.ts',
  'test/tokens',
  'test/system/conformance/lines.test.ts',
  'test/system/runtimes/client.test.ts',
]

/** Runs a script on a version of Node. Resolves with whether it ended well. */
const run = async (version, ...args) => {
  const child = spawn('npm', ['exec', '--yes', `--package=node@${version}`, '--', 'node', ...args], {
    stdio: 'inherit',
  })
  const [code] = await once(child, 'exit')
  return code === 0
}

const tests = (version) => run(version, 'scripts/test.mjs', ...ON_NODE_ITSELF, '--at-once', '8')
// Node serves the element's modules to the browser, and the gateways that its tests talk to.
const elementTests = (version) => run(version, 'node_modules/@web/test-runner/dist/bin.js')

let failed = 0
for (const version of [...BETWEEN, NEWEST]) {
  console.log(`\nNode ${version}`)
  const results = [await tests(version), version !== NEWEST || (await elementTests(version))]
  if (results.every(Boolean)) continue
  failed++
  console.error(`Tests failed on Node ${version}.`)
}
process.exit(failed > 0 ? 1 : 0)
