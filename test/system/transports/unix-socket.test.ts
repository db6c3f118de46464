// Gateways that listen on a Unix socket.
import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { createAppToken } from '../../../src/tokens/index.js'
import { within } from '../../support/raw-client.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { startOf } from '../../support/starts.js'
import { appId, secret } from '../../support/tokens.js'
import { serveFile, testOnBoth, writeConfig } from './serve.js'

const folder = scratchFolder()
let count = 0
const newPath = (): string => join(folder, `${++count}.sock`)

const ask = (socketPath: string, path: string, headers: Record<string, string> = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    get({ socketPath, path, headers }, (response) => void text(response).then(resolve, reject)).on(
      'error',
      reject,
    )
  })

const open = async (path: string, headers: Record<string, string> = {}): Promise<WebSocket> => {
  const socket = new WebSocket(`ws+unix:${path}:/v1/session`, 'chat-session.v1', { headers })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  const started = new Promise((resolve) => socket.once('message', resolve))
  socket.send(JSON.stringify(await startOf('ada')))
  assert.match(String(await within(started, 'started')), /^{"type":"started"/)
  return socket
}

testOnBoth(
  'a gateway on a Unix socket serves who may write to its file, and takes the file away at its end',
  async (runtime) => {
    const path = newPath()
    const running = serveFile(runtime, await writeConfig({ listen: { path, mode: '0600', trustProxy: 1 } }))
    assert.equal(await running.url(), `unix:${path}`)
    assert.equal((statSync(path).mode & 0o777).toString(8), '600')
    assert.match(await ask(path, '/healthz'), /"status":"ok"/)
    const socket = await open(path, { 'x-forwarded-for': '203.0.113.7' })
    const authorization = `Bearer ${await createAppToken({ appId, secret })}`
    const sessions = await ask(path, `/v1/apps/${appId}/users/ada/sessions`, { authorization })
    assert.match(sessions, /"address":"203\.0\.113\.7"/)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    running.child.kill('SIGTERM')
    assert.equal(await within(closed, 'close'), 4503)
    assert.equal((await running.outcome).code, 0)
    assert.equal(existsSync(path), false)
  },
)

testOnBoth(
  'the file of a gateway that was killed is no hindrance, and one of a gateway that runs is',
  async (runtime) => {
    const path = newPath()
    const file = await writeConfig({ listen: { path } })
    const killed = serveFile(runtime, file)
    await killed.url()
    killed.child.kill('SIGKILL')
    await killed.outcome
    assert.ok(statSync(path).isSocket())
    const running = serveFile(runtime, file)
    assert.equal(await running.url(), `unix:${path}`)
    assert.equal((statSync(path).mode & 0o777).toString(8), '660')
    const second = await serveFile(runtime, file).outcome
    assert.notEqual(second.code, 0)
    assert.ok(second.stderr.includes(`Another process listens on ${path}`), second.stderr)
    assert.match(await ask(path, '/healthz'), /"status":"ok"/)
  },
)

testOnBoth('a file that is no socket stays, and the start ends with a sentence', async (runtime) => {
  const path = newPath()
  writeFileSync(path, 'the notes of somebody')
  const { code, stderr } = await serveFile(runtime, await writeConfig({ listen: { path } })).outcome
  assert.notEqual(code, 0)
  assert.ok(stderr.includes(`${path} is there and no socket`), stderr)
  assert.equal(readFileSync(path, 'utf8'), 'the notes of somebody')
})

testOnBoth(
  'the clients of a proxy on a Unix socket do not count as one address, although `trustProxy` is 0',
  async (runtime) => {
    const path = newPath()
    const limits = { connectionsPerAddress: 1 }
    const running = serveFile(runtime, await writeConfig({ listen: { path }, limits }))
    await running.url()
    const sockets = [
      await open(path, { 'x-forwarded-for': '203.0.113.7' }),
      await open(path, { 'x-forwarded-for': '203.0.113.8' }),
    ]
    for (const socket of sockets) assert.equal(socket.readyState, WebSocket.OPEN)
    for (const socket of sockets) socket.terminate()
  },
)

test('a socket whose folder is missing ends the start with a sentence', async () => {
  const path = join(folder, 'missing', 'a.sock')
  const { code, stderr } = await serveFile(
    { name: 'Node', path: process.execPath },
    await writeConfig({ listen: { path } }),
  ).outcome
  assert.notEqual(code, 0)
  assert.ok(stderr.includes(`Can't listen on ${path}`), stderr)
})
