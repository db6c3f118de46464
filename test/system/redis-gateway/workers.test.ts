// `serve --workers`: several processes on one Redis behind one port.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, copyFileSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { GatewayConfig } from '../../../src/gateway/index.js'
import { freePort } from '../../support/network/free-port.js'
import { finish, run, type Running } from '../../support/processes/command-line.js'
import { writeConfig } from '../../support/processes/write-config.js'
import { startAs } from '../../support/raw-client.js'
import { standalone } from '../../support/redis/server.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { resumeOf } from '../../support/starts.js'
import { appId } from '../../support/tokens.js'
import { until } from '../../support/until.js'
import { restOf } from '../../support/rest/rest-calls.js'

const WORKERS = 3
const token = 'the admin token of a test, 32 bytes'

const server = await standalone()
const folder = scratchFolder()

const write = (config: Partial<GatewayConfig> = {}): string => {
  const engine = { type: 'redis', url: server.url, prefix: `${randomUUID()}:` } as const
  return writeConfig({ admin: { port: 0, token }, engine, ...config })
}

/** The address of the admin listener. */
const adminOf = async ({ printed }: Running): Promise<string> =>
  (await printed(/^admin listening on (\S+)$/m))[1] ?? ''

const scrape = (admin: string): Promise<Response> =>
  fetch(`${admin}/metrics`, { headers: { authorization: `Bearer ${token}` } })

test('workers share a port and are one gateway: messages, metrics, a worker that dies, and the drain', async () => {
  // With port 0 the successor of the worker that has the admin listener gets another port than the one that was printed.
  const file = write({ admin: { port: await freePort(), token } })
  const running = run(['serve', '--config', file, '--workers', String(WORKERS)])
  const { child } = running
  const url = await running.url()
  const admin = await adminOf(running)
  assert.notEqual(admin, url)
  assert.equal((await fetch(`${url}/metrics`)).status, 404)
  assert.equal((await fetch(`${url}/readyz`)).status, 200)

  const names = Array.from({ length: 3 * WORKERS }, (_, n) => `user${n}`)
  const clients = await Promise.all(names.map(async (name) => startAs(url, name)))
  const nodeOf = async (name: string): Promise<string> => {
    const text = JSON.stringify(await restOf(url)('GET', `/users/${name}/sessions`))
    return /"node":"([^"]+)"/.exec(text)?.[1] ?? ''
  }
  const nodes = await Promise.all(names.map(nodeOf))
  assert.equal(new Set(nodes).size, WORKERS, 'every worker carries sessions')
  for (const [n, client] of clients.entries()) {
    client.send({ type: 'send', id: '1', to: names[(n + 1) % names.length], body: 'hello' })
    await client.next('sent')
  }
  for (const client of clients)
    assert.ok(client.frames.some(({ type }) => type === 'message') || (await client.next('message')))

  const metric = async (name: string): Promise<number> => {
    const response = await scrape(admin)
    assert.equal(response.status, 200)
    const line = (await response.text()).split('\n').find((each) => each.startsWith(`${name} `))
    return Number(line?.slice(name.length + 1))
  }
  assert.equal(await metric(`chat_session_sessions{app="${appId}",state="active"}`), names.length)
  assert.equal(await metric(`chat_session_sessions{app="${appId}",state="detached"}`), 0)
  assert.equal(await metric('chat_session_commit_seconds_count'), names.length)
  assert.equal(await metric(`chat_session_users{app="${appId}"}`), names.length)
  // With so many scrapes Node warns if each of them leaves a listener on its workers.
  for (let scrape = 0; scrape < 12; scrape++) assert.equal(await metric('chat_session_ready'), 1)

  // The worker of the first user dies: its clients resume with the others, and another worker takes its place.
  const pid = Number(nodes[0]?.split(':').at(-1))
  process.kill(pid, 'SIGKILL')
  const [first] = clients
  assert.ok(first)
  assert.equal((await first.closed).code, 1006)
  const again = await startAs(url, 'user0', resumeOf(first.started))
  assert.equal(again.started['resumed'], true)
  assert.match(
    running.errorOutput(),
    /"code":null,"signal":"SIGKILL","delay":1000,"msg":"a worker process ended/,
  )
  let visitors = 0
  await until('another worker carries sessions', async () => {
    const name = `visitor${++visitors}`
    const visitor = await startAs(url, name)
    const node = await nodeOf(name)
    visitor.close()
    return !nodes.includes(node)
  })
  // The listener is the new worker's if the old one had it.
  await until('the admin listener answers', () => metric('chat_session_ready').catch(() => 0), 1)

  const live = clients.filter(({ socket }) => socket.readyState === 1)
  child.kill('SIGTERM')
  for (const client of [...live, again]) assert.equal((await client.end()).frame['code'], 'unavailable')
  const { code, stdout: printed, stderr } = await running.outcome
  assert.equal(code, 0)
  assert.match(printed, /^admin listening on http:\S+\nlistening on http:\S+\n$/)
  assert.doesNotMatch(stderr, /MaxListenersExceededWarning/)
  // Some readers of logs refuse a line that has a name twice.
  assert.doesNotMatch(stderr, /"pid":.*"pid":/)
})

/** Returns the processes that a process has started, in the order in which they were started. */
const childrenOf = (parent: number): number[] =>
  execFileSync('ps', ['-A', '-o', 'ppid=,pid='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([ppid, pid = NaN]) => (ppid === parent ? [pid] : []))
    .sort((a, b) => a - b)

test('a worker that is killed while the primary process writes to it takes no other worker with it', async () => {
  const file = write({ admin: { port: await freePort(), token } })
  const running = run(['serve', '--config', file, '--workers', '2'])
  const { child, stop } = running
  const url = await running.url()
  const admin = await adminOf(running)
  const primary = child.pid ?? assert.fail()
  const [, killed = assert.fail()] = childrenOf(primary)
  const client = await startAs(url, 'ada')

  // While the primary process stands still, the first worker asks it for the metrics of all workers, and then the second one dies. So
  // the primary process asks the dead worker before it learns of the death.
  process.kill(primary, 'SIGSTOP')
  const scraped = scrape(admin)
  scraped.catch(() => undefined)
  // The worker answers these requests after it has read the scrape.
  for (let request = 0; request < 3; request++) assert.equal((await fetch(`${admin}/healthz`)).status, 200)
  process.kill(killed, 'SIGKILL')
  await until('the worker is dead', () =>
    /^Z|^$/.test(spawnSync('ps', ['-o', 'stat=', '-p', String(killed)], { encoding: 'utf8' }).stdout.trim()),
  )
  process.kill(primary, 'SIGCONT')
  assert.equal((await scraped).status, 200)

  assert.equal((await fetch(`${url}/readyz`)).status, 200)
  client.close()
  assert.equal((await stop()).code, 0)
})

test('a worker that the system can’t start is tried again, and the other workers go on', async () => {
  const runtime = join(folder, 'node')
  copyFileSync(process.execPath, runtime)
  const args = ['serve', '--config', write(), '--workers', '2']
  const running = run(args, {}, folder, runtime)
  const { child, errorOutput, stop } = running
  const url = await running.url()
  const primary = child.pid ?? assert.fail()
  const [killed = assert.fail()] = childrenOf(primary)
  // Another Node is installed: for a moment the program is not there, and then it is still written.
  renameSync(runtime, `${runtime}.old`)
  process.kill(killed, 'SIGKILL')
  await until('a start that fails', () =>
    /ENOENT.*"msg":"a worker process could not be started/.test(errorOutput()),
  )
  const file = openSync(runtime, 'w', 0o755)
  await until('another one', () =>
    /ETXTBSY.*"msg":"a worker process could not be started/.test(errorOutput()),
  )
  closeSync(file)
  renameSync(`${runtime}.old`, runtime)
  assert.equal((await fetch(`${url}/readyz`)).status, 200)
  await until('both workers', () => childrenOf(primary).length, 2)
  assert.equal((await stop()).code, 0)
})

test('while Redis hangs, the metrics have every worker, and say that none is ready', async () => {
  const file = write({ admin: { port: await freePort(), token } })
  const running = run(['serve', '--config', file, '--workers', '2'])
  const admin = await adminOf(running)
  await running.url()
  const ready = async (): Promise<string> => {
    const response = await scrape(admin)
    return /^chat_session_ready (\d)$/m.exec(await response.text())?.[1] ?? assert.fail('no worker answered')
  }
  assert.equal(await ready(), '1')
  server.pause()
  try {
    await until('the workers are not ready', ready, '0')
  } finally {
    server.resume()
  }
  assert.equal((await running.stop()).code, 0)
})

test('SIGTERM also stops a worker that has only begun to start', async () => {
  // Each worker loads this module first. It has the primary process stopped, and goes on when the message to stop has come and gone.
  const module = join(folder, 'stop-while-loading.mjs')
  writeFileSync(
    module,
    `if (process.env.CHAT_SESSION_WORKER !== undefined) {
      const stopped = new Promise((resolve) => process.once('message', resolve))
      process.kill(process.ppid, 'SIGTERM')
      await stopped
    }`,
  )
  const { outcome } = run(['serve', '--config', write(), '--workers', '1'], {
    NODE_OPTIONS: `--import ${pathToFileURL(module).href}`,
  })
  assert.equal((await outcome).code, 0)
})

test('a first worker that is killed before it listens ends the command with 1, and a line says so', async () => {
  const module = join(folder, 'killed-while-loading.mjs')
  writeFileSync(
    module,
    `if (process.env.CHAT_SESSION_WORKER !== undefined) process.kill(process.pid, 'SIGKILL')`,
  )
  const { code, stderr } = await finish(['serve', '--config', write(), '--workers', '2'], {
    NODE_OPTIONS: `--import ${pathToFileURL(module).href}`,
  })
  assert.equal(code, 1)
  assert.match(stderr, /"signal":"SIGKILL","msg":"the first worker process was killed before it listened/)
})

test('--workers needs an engine that the workers share, and reports an error once', async () => {
  const memory = await finish([
    'serve',
    '--config',
    write({ engine: { type: 'memory' } }),
    '--workers',
    'auto',
  ])
  assert.equal(memory.code, 2)
  assert.equal(
    memory.stderr,
    'chat-session: --workers needs a Redis that the workers share, and engine.type is "memory": set it to "redis", or leave out --workers.\n',
  )
  // Both processes read this module, and its timer must keep neither of them running.
  const module = join(folder, 'used.mjs')
  const json = readFileSync(write({ listen: { port: server.port } }), 'utf8')
  writeFileSync(module, `setInterval(() => undefined, 1_000)\nexport default ${json}`)
  const used = await finish(['serve', '--config', module, '--workers', '2'])
  assert.equal(used.code, 2)
  assert.match(
    used.stderr,
    new RegExp(`^chat-session: Port ${server.port} on 127\\.0\\.0\\.1 is in use`, 'm'),
  )
  assert.equal(used.stderr.match(/in use/g)?.length, 1)
  const wrong = await finish(['serve', '--workers', '0'])
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /whole number from 1 to 256, or "auto"/)
})
