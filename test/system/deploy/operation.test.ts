// What an operator and a backend do on a usual day, behind nginx with TLS, and what a user notices.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { WebSocket as NodeWebSocket } from 'ws'
import { run, type Running } from '../../support/processes/command-line.js'
import type { ChatSession } from '../../../src/session/index.js'
import { newSession, nextEvent, reaches } from '../../support/clients/client-sessions.js'
import { openConsole } from '../../support/sites/console.js'
import { freePort } from '../../support/network/free-port.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { appId, secret, tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'
import { startNginx } from './support.js'

const folder = scratchFolder()
const config = join(folder, 'chat.json')
const [port, adminPort] = [await freePort(), await freePort()]
const adminToken = 'the token of the operators, of 32 bytes or more'
const writeConfig = (secrets: string[]): Promise<void> =>
  writeFile(
    config,
    JSON.stringify({
      listen: { port, trustProxy: 1 },
      admin: { port: adminPort, token: adminToken },
      engine: { path: join(folder, 'data') },
      apps: { [appId]: { environment: 'production', origins: ['https://www.example.com'], secrets } },
    }),
  )

const { url, cert, ca } = await startNginx(port)

class TrustingWebSocket extends NodeWebSocket {
  constructor(address: string | URL, protocols?: string[]) {
    super(address, protocols, { ca })
  }
}
const WebSocket = TrustingWebSocket as unknown as typeof globalThis.WebSocket

/** A call of the REST API from Python, through nginx. Returns the answer. */
const callFromPython = async (
  method: string,
  path: string,
  body?: object,
): Promise<Record<string, unknown>> => {
  const script = fileURLToPath(new URL('backend.py', import.meta.url))
  const args = [script, url, cert, method, path, ...(body ? [JSON.stringify(body)] : [])]
  const { stdout } = await promisify(execFile)('python3', args, { env: { ...process.env, SECRET: secret } })
  return JSON.parse(stdout) as Record<string, unknown>
}

/** The value of a metric, as the operators' scraper reads it. */
const metric = async (line: string): Promise<number> => {
  const headers = { authorization: `Bearer ${adminToken}` }
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`, { headers })).text()
  const found = text.split('\n').find((one) => one.startsWith(`${line} `))
  return Number(found?.slice(line.length + 1) ?? 0)
}

const serve = async (): Promise<Running> => {
  const gateway = run(['serve', '--config', config])
  await gateway.url()
  return gateway
}

test('a secret is rotated and the gateway deployed again behind nginx, and a live session loses nothing', async () => {
  await writeConfig([secret])
  const first = await serve()
  let current = secret
  const tokenFetcher = (): Promise<string> => tokenFor('ada', { secret: current })
  const session = newSession({ endpoint: url, WebSocket, tokenFetcher })
  const received: unknown[] = []
  session.addEventListener('message', ({ detail }) => received.push(detail.message.body))
  await session.start()
  const { sessionId: id } = session
  assert.ok(id)

  // The secret is rotated: the gateway takes the new one too, then the backend signs with it, then the gateway drops the old one.
  const rotated = 'the next secret, of 32 bytes or more'
  let reloads = 0
  first.child.stderr?.on('data', (chunk: Buffer) => {
    reloads += chunk.toString().split('the config was reloaded').length - 1
  })
  for (const [index, secrets] of [[rotated, secret], [rotated]].entries()) {
    await writeConfig(secrets)
    first.child.kill('SIGHUP')
    await until('the reload', () => reloads === index + 1)
    current = rotated
    await session.send({ to: 'ada', body: `rotated ${index}` })
  }
  assert.equal(session.state, 'active')

  // The gateway is deployed: the old process drains, then the new one starts. What is sent meanwhile waits in the session.
  const lost = nextEvent(session, 'state', ({ detail }) => detail.state !== 'active')
  first.child.kill('SIGTERM')
  await lost
  const sent = session.send({ to: 'ada', body: 'during the deployment' })
  assert.equal((await first.outcome).code, 0)
  const second = await serve()
  await reaches(session, 'active')
  await sent
  assert.equal(session.sessionId, id)
  await until('all three messages', () => received.length === 3)
  assert.deepEqual(received, ['rotated 0', 'rotated 1', 'during the deployment'])
  await session.end()
  second.child.kill('SIGTERM')
  assert.equal((await second.outcome).code, 0)
})

test('a backend publishes from Python and logs a user out everywhere, and the console and the metrics show it', async () => {
  await writeConfig([secret])
  const gateway = await serve()
  const sessionOf = async (userId: string): Promise<ChatSession> => {
    const session = newSession({ endpoint: url, WebSocket, token: await tokenFor(userId) })
    await session.start()
    return session
  }
  const [page, phone, other] = [await sessionOf('grace'), await sessionOf('grace'), await sessionOf('ada')]
  assert.equal(await metric('chat_session_sessions{app="app",state="active"}'), 3)

  const arrived = nextEvent(page, 'message')
  const published = await callFromPython('POST', '/users/grace/messages', { body: 'from Python' })
  assert.equal(published['offset'], 1)
  assert.equal((await arrived).detail.message.body, 'from Python')

  const console = await openConsole(`http://127.0.0.1:${adminPort}`)
  await console.logIn(adminToken)
  await console.open(`/apps/${appId}/users/grace`)
  const rows = console.page.locator('.rows > li')
  for (const { sessionId: id } of [page, phone]) await rows.filter({ hasText: id ?? 'no id' }).waitFor()

  const ends = [page, phone].map((session) =>
    nextEvent(session, 'state', ({ detail }) => detail.state === 'ended'),
  )
  await callFromPython('DELETE', '/users/grace/sessions')
  for (const { detail } of await Promise.all(ends)) assert.equal(detail.error?.code, 'revoked')
  assert.equal(other.state, 'active')
  const revoked = console.page.getByRole('group', { name: 'Changes' }).getByText('revoked', { exact: true })
  await until('the console shows both ends', () => revoked.count(), 2)
  await console.page.getByText('The user has no sessions.').waitFor()
  await console.page.getByText('Credentials revoked').waitFor()
  assert.deepEqual(console.problems, [])
  assert.equal(await metric('chat_session_ends_total{app="app",code="revoked"}'), 2)
  assert.equal(await metric('chat_session_sessions{app="app",state="active"}'), 1)
  await console.close()

  await other.end()
  gateway.child.kill('SIGTERM')
  assert.equal((await gateway.outcome).code, 0)
})
