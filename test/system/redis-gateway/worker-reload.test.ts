// SIGHUP of `serve --workers`: every worker reads the config again.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../../support/processes/command-line.js'
import { openClient, startClient } from '../../support/raw-client.js'
import { standalone } from '../../support/redis/server.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { appId, secret, tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'
import { restOf } from '../../support/rest/rest-calls.js'

const WORKERS = 3
const NEW_SECRET = 'the secret after the reload'
const NEWEST_SECRET = 'the secret after the second reload'

const server = await standalone()
const folder = scratchFolder()

const configOf = (secrets: string[], more: object = {}): string =>
  JSON.stringify({
    listen: { port: 0 },
    engine: { type: 'redis', url: server.url },
    apps: { [appId]: { environment: 'test', secrets } },
    ...more,
  })

/** Starts `serve --workers` with a config file. */
const serve = async (file: string) => {
  const { child, url: listening, outcome } = run(['serve', '--config', file, '--workers', String(WORKERS)])
  let log = ''
  child.stderr?.on('data', (text: string) => (log += text))
  const url = await listening()
  /** The lines of the log with a message, and the processes that wrote them. */
  const lines = (msg: string): Record<string, unknown>[] =>
    log
      .split('\n')
      .filter((line) => line.includes(msg) && line.endsWith('}'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  const untilLogged = async (msg: string, count: number): Promise<Record<string, unknown>[]> => {
    await until(`${count} workers log "${msg}"`, () => lines(msg).length >= count).catch((cause: unknown) => {
      throw new Error(`The log has ${lines(msg).length} such lines:\n${log}`, { cause })
    })
    return lines(msg)
  }
  return { child, url, outcome, lines, untilLogged }
}

/** The process that carries a user's session; NaN if the worker that is asked refuses the secret. */
const pidOf = async (url: string, userId: string, key: string): Promise<number> => {
  const answer = JSON.stringify(await restOf(url, { key })('GET', `/users/${userId}/sessions`))
  return Number(/"node":"[^"]+:(\d+)"/.exec(answer)?.[1])
}

/** Starts sessions with a secret until each worker has carried one. Resolves with the processes. */
const untilAllTake = async (url: string, key: string): Promise<Set<number>> => {
  const pids = new Set<number>()
  let count = 0
  await until('every worker takes the secret', async () => {
    const userId = `user ${++count} of ${key}`
    const token = await tokenFor(userId, { secret: key })
    const client = openClient(url, { start: { type: 'start', appId, token } })
    const { type } = await client.next()
    const pid = type === 'started' ? await pidOf(url, userId, key) : NaN
    if (!Number.isNaN(pid)) pids.add(pid)
    client.close()
    return pids.size === WORKERS
  })
  return pids
}

test('SIGHUP gives every worker the new config, the log names what needs a restart, and a faulty config changes nothing', async () => {
  const file = join(folder, 'chat.json')
  writeFileSync(file, configOf([secret]))
  const { child, url, outcome, lines, untilLogged } = await serve(file)
  const clients = await Promise.all(
    Array.from({ length: WORKERS }, async (_, n) =>
      startClient(url, { type: 'start', appId, token: await tokenFor(`early ${n}`) }),
    ),
  )
  writeFileSync(file, configOf([NEW_SECRET, secret], { pingInterval: 5 }))
  child.kill('SIGHUP')
  const reloaded = await untilLogged('the config was reloaded', WORKERS)
  for (const { applied } of reloaded) assert.deepEqual(applied, [`apps.${appId}.secrets`])
  for (const { needsRestart } of await untilLogged('that need a restart', WORKERS))
    assert.deepEqual(needsRestart, ['pingInterval'])
  const pids = await untilAllTake(url, NEW_SECRET)
  assert.deepEqual(new Set(reloaded.map(({ pid }) => pid)), pids)

  writeFileSync(file, configOf([NEW_SECRET], { pingInterval: 'often' }))
  child.kill('SIGHUP')
  for (const { problems } of await untilLogged('was not reloaded', WORKERS))
    assert.match(String(problems), /^pingInterval: /)
  await untilAllTake(url, secret)
  assert.equal(lines('the config was reloaded').length, WORKERS)

  for (const client of clients) {
    client.send({ type: 'send', id: 'a', to: 'early 0', body: 'still here' })
    await client.next('sent')
  }
  child.kill('SIGTERM')
  assert.equal((await outcome).code, 0)
})

test('a config that only the worker with the admin listener would refuse changes no worker', async () => {
  const file = join(folder, 'admin.json')
  const token = 'the admin token of a test, 32 bytes'
  writeFileSync(file, configOf([secret], { admin: { port: 0, token } }))
  const { child, outcome, lines, untilLogged } = await serve(file)
  writeFileSync(file, configOf([NEW_SECRET, secret], { admin: { port: 0, token: 'short' } }))
  child.kill('SIGHUP')
  await until('every worker has answered', () => lines('reloaded').length >= WORKERS)
  for (const { problems } of await untilLogged('was not reloaded', WORKERS))
    assert.match(String(problems), /^admin\.token: /)
  child.kill('SIGTERM')
  assert.equal((await outcome).code, 0)
})

/** Runs `serve --workers`, and kills one worker. The next one has read the config, and waits until `goOn` is called. */
const serveWithStartingWorker = async () => {
  const [content, reading, gate] = ['json', 'reading', 'gate'].map((name) => join(folder, `late.${name}`))
  assert.ok(content && reading && gate)
  const file = join(folder, 'late.mjs')
  writeFileSync(content, configOf([secret]))
  rmSync(reading, { force: true })
  writeFileSync(
    file,
    `import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
     const [content, reading, gate] = ${JSON.stringify([content, reading, gate])}
     const config = JSON.parse(readFileSync(content, 'utf8'))
     if (existsSync(gate)) {
       // Workers that read at the same time have a file each: one that finds its file gone would refuse the config.
       const own = reading + '.' + process.pid
       writeFileSync(own, String(process.pid))
       renameSync(own, reading)
     }
     while (existsSync(gate)) await new Promise((resolve) => setTimeout(resolve, 20))
     export default config`,
  )
  const served = await serve(file)
  // A user of its own, since one of an earlier call may still have a session.
  const userId = `user of ${new URL(served.url).port}`
  const client = await startClient(served.url, { type: 'start', appId, token: await tokenFor(userId) })
  writeFileSync(gate, '')
  process.kill(await pidOf(served.url, userId, secret), 'SIGKILL')
  await client.closed
  await until('the next worker has read the config', () => existsSync(reading))
  return {
    ...served,
    pid: Number(readFileSync(reading, 'utf8')),
    change: (secrets: string[]) => writeFileSync(content, configOf(secrets)),
    goOn: () => rmSync(gate),
  }
}

test('a SIGHUP that comes while a worker starts reaches it, too', async () => {
  const { child, url, outcome, untilLogged, change, goOn } = await serveWithStartingWorker()
  change([NEWEST_SECRET])
  child.kill('SIGHUP')
  goOn()
  await untilLogged('the config was reloaded', WORKERS)
  await untilAllTake(url, NEWEST_SECRET)
  child.kill('SIGTERM')
  assert.equal((await outcome).code, 0)
})

test('a SIGHUP while the primary process reads the config ends nothing', async () => {
  const gate = join(folder, 'primary.gate')
  writeFileSync(gate, '')
  const file = join(folder, 'primary.mjs')
  writeFileSync(
    file,
    `import { existsSync } from 'node:fs'
     console.error('reading')
     while (existsSync(${JSON.stringify(gate)})) await new Promise((resolve) => setTimeout(resolve, 20))
     export default ${configOf([secret])}`,
  )
  const { child, url, outcome } = run(['serve', '--config', file, '--workers', '1'])
  assert.ok(child.stderr)
  await once(child.stderr, 'data')
  child.kill('SIGHUP')
  rmSync(gate)
  await url()
  child.kill('SIGTERM')
  assert.equal((await outcome).code, 0)
})

/** Whether nobody listens on a port. A request could wait for ever: the primary process may hand its connection to a worker that ends. */
const isRefused = async (port: number): Promise<boolean> => {
  const socket = connect(port, '127.0.0.1')
  const refused = await once(socket, 'connect').then(
    () => false,
    () => true,
  )
  socket.destroy()
  return refused
}

test('a SIGTERM that comes while a worker starts ends it, too', async () => {
  const { child, url, outcome, pid, goOn } = await serveWithStartingWorker()
  child.kill('SIGTERM')
  await until('the other workers have ended', () => isRefused(Number(new URL(url).port)))
  goOn()
  assert.equal((await outcome).code, 0)
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
})

test('a signal to all processes, as of Ctrl+C, while a worker starts ends the command with 0', async () => {
  const { child, url, outcome, pid, goOn } = await serveWithStartingWorker()
  child.kill('SIGINT')
  await until('the other workers have ended', () => isRefused(Number(new URL(url).port)))
  process.kill(pid, 'SIGINT')
  const { code } = await outcome
  goOn()
  assert.equal(code, 0)
})
