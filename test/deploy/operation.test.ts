// What an operator does on a usual day, behind nginx with TLS, and what a user sees of it: nothing.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { WebSocket as NodeWebSocket } from 'ws'
import { run, type Running } from '../cli/run.js'
import { newSession, nextEvent, reaches } from '../session/support.js'
import { freePort } from '../support/free-port.js'
import { scratchFolder } from '../support/scratch-folder.js'
import { appId, secret, tokenFor } from '../support/tokens.js'
import { until } from '../support/until.js'
import { startNginx } from './support.js'

const folder = scratchFolder()
const config = join(folder, 'chat.json')
const port = await freePort()
const writeConfig = (secrets: string[]): Promise<void> =>
  writeFile(
    config,
    JSON.stringify({
      listen: { port, trustProxy: 1 },
      engine: { path: join(folder, 'data') },
      apps: { [appId]: { environment: 'production', origins: ['https://www.example.com'], secrets } },
    }),
  )

const serve = async (): Promise<Running> => {
  const gateway = run(['serve', '--config', config])
  await gateway.url()
  return gateway
}

test('a secret is rotated and the gateway deployed anew behind nginx, and a live session loses nothing', async () => {
  await writeConfig([secret])
  const first = await serve()
  const { url, ca } = await startNginx(port)
  class TrustingWebSocket extends NodeWebSocket {
    constructor(address: string | URL, protocols?: string[]) {
      super(address, protocols, { ca })
    }
  }
  let current = secret
  const tokenFetcher = (): Promise<string> => tokenFor('ada', { secret: current })
  const WebSocket = TrustingWebSocket as unknown as typeof globalThis.WebSocket
  const session = newSession({ endpoint: url, WebSocket, tokenFetcher })
  const received: unknown[] = []
  session.addEventListener('message', ({ detail }) => received.push(detail.body))
  await session.start()
  const { id } = session
  assert.ok(id)

  // The rotation: the new secret first, then the backend signs with it, then the old one goes.
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

  // The deployment: the old process drains, then the new one starts. What is sent meanwhile waits in the session.
  const lost = nextEvent(session, 'state', ({ detail }) => detail.state !== 'active')
  first.child.kill('SIGTERM')
  await lost
  const sent = session.send({ to: 'ada', body: 'during the deployment' })
  assert.equal((await first.outcome).code, 0)
  const second = await serve()
  await reaches(session, 'active')
  await sent
  assert.equal(session.id, id)
  await until('all three messages', () => received.length === 3)
  assert.deepEqual(received, ['rotated 0', 'rotated 1', 'during the deployment'])
  await session.end()
  second.child.kill('SIGTERM')
  assert.equal((await second.outcome).code, 0)
})
