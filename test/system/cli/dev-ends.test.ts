import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../support/network/free-port.js'
import { handshake, openRaw } from '../../support/raw-client.js'
import { run } from '../../support/processes/command-line.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { ask, runDev, startOver } from './dev-process.js'

/** A folder that a process of this file has open. */
const data = scratchFolder()
await runDev(data)

/** Returns the error of a `dev` that can't start, after it ended with 2 and one line. */
const refusalOf = async (...args: string[]): Promise<string> => {
  const { code, stderr } = await run(['dev', ...args]).outcome
  assert.equal(code, 2, stderr)
  assert.match(stderr, /^chat-session: [^\n]+\n$/)
  return stderr
}

/** Returns the request for an event stream at `path`. */
const streamRequest = (path: string): string => {
  const start = JSON.stringify({ type: 'start', appId: 'playground', guest: true })
  return `POST ${path} HTTP/1.1\r\nHost: gateway\r\nContent-Type: text/plain\r\nContent-Length: ${start.length}\r\n\r\n${start}`
}

describe('chat-session dev, when it ends', () => {
  for (const [signal, path, request] of [
    ['SIGINT', '/v1/session', handshake({}, '/v1/session')],
    ['SIGTERM', '/dev/links/a/v1/session', handshake({}, '/dev/links/a/v1/session')],
    ['SIGINT', '/v1/session/stream', streamRequest('/v1/session/stream')],
    ['SIGTERM', '/dev/links/a/v1/session/stream', streamRequest('/dev/links/a/v1/session/stream')],
  ] as const)
    it(`ends with 0 at ${signal}, although a client of ${path} never closes its connection`, async () => {
      const dev = await runDev(scratchFolder())
      const silent = await openRaw(dev.address, { allowHalfOpen: true })
      silent.socket.write(request)
      await silent.answer()
      dev.child.kill(signal)
      const { code, stderr } = await dev.outcome
      assert.equal(code, 0, stderr)
    })

  it('prints one line if the port is in use', async () => {
    const { port } = new URL((await runDev(scratchFolder())).address)
    assert.match(
      await refusalOf('--port', port, '--data', scratchFolder()),
      new RegExp(`Port ${port} .* in use`),
    )
  })

  // Each waits for the folder for five seconds, so they run at the same time.
  describe('on a folder that another process has open', { concurrency: true }, () => {
    it('prints one line', async () => {
      assert.match(await refusalOf('--port', '0', '--data', data), /Another process has .* open/)
    })

    it('closes a new connection at once while it opens its data', async () => {
      const port = await freePort()
      const url = `http://127.0.0.1:${port}`
      const dev = run(['dev', '--port', String(port), '--data', data])
      const listens = async (): Promise<boolean> => (await ask(`${url}/`).catch(() => null))?.status === 200
      while (dev.child.exitCode === null && !(await listens())) await sleep(20)
      assert.equal(await startOver(url, { appId: 'playground', guest: true }), 'cut')
      assert.ok(await listens(), 'it has not given up the folder yet')
      assert.equal((await dev.outcome).code, 2)
    })
  })

  it('prints one line if the data folder can’t be written', async () => {
    const file = join(scratchFolder(), 'file')
    await writeFile(file, '')
    assert.match(
      await refusalOf('--port', '0', '--data', join(file, 'below')),
      /secrets.* choose another folder/,
    )
    // In /proc, creating nested folders fails in its own way.
    assert.match(await refusalOf('--port', '0', '--data', '/proc/nowhere/below'), /choose another folder/)
  })

  it('prints one line if the file of secrets is malformed', async () => {
    for (const text of ['{', '{"playground":{"token":"a"}}']) {
      const data = scratchFolder()
      await writeFile(join(data, 'secrets.json'), text)
      assert.match(await refusalOf('--port', '0', '--data', data), /remove the file/)
    }
  })

  it('prints one line if the host is not an address of this machine', async () => {
    assert.match(
      await refusalOf('--port', '0', '--host', '192.0.2.1', '--data', scratchFolder()),
      /Can't listen/,
    )
  })
})
