import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../support/free-port.js'
import { ask, emptyFolder, run, runDev, startOver } from './dev-process.js'

/** Returns the error of a `dev` that can't start, after it ended with 2 and one line. */
const refusalOf = async (...args: string[]): Promise<string> => {
  const { code, errors } = await run('dev', ...args).over
  assert.equal(code, 2, errors)
  assert.match(errors, /^chat-session: [^\n]+\n$/)
  return errors
}

describe('chat-session dev, when it ends', () => {
  for (const [signal, path] of [
    ['SIGINT', '/v1/session'],
    ['SIGTERM', '/dev/links/a/v1/session'],
  ] as const)
    it(`ends with 0 at ${signal}, although a client never answers the close`, async () => {
      const { url, child, over } = await runDev(await emptyFolder())
      const silent = connect(Number(new URL(url).port), '127.0.0.1')
      silent.on('error', () => undefined)
      silent.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n' +
          'Sec-WebSocket-Protocol: chat-session.v1\r\n\r\n',
      )
      await once(silent, 'data')
      const signalled = performance.now()
      child.kill(signal)
      const { code, errors } = await over
      silent.destroy()
      assert.equal(code, 0, errors)
      // Sooner than the gateway's drainTime.
      assert.ok(performance.now() - signalled < 15_000)
    })

  it('prints one line if the port is in use', async () => {
    const { url } = await runDev(await emptyFolder())
    const { port } = new URL(url)
    assert.match(
      await refusalOf('--port', port, '--data', await emptyFolder()),
      new RegExp(`Port ${port} .* in use`),
    )
  })

  // Each waits for the folder for five seconds, so they run at the same time.
  describe('on a folder that another process has open', { concurrency: true }, () => {
    let data: string
    before(async () => {
      data = await emptyFolder()
      await runDev(data)
    })

    it('prints one line', async () => {
      assert.match(await refusalOf('--port', '0', '--data', data), /Another process has .* open/)
    })

    it('closes a new connection at once while it opens its data', async () => {
      const port = await freePort()
      const url = `http://127.0.0.1:${port}`
      const { child, over } = run('dev', '--port', String(port), '--data', data)
      const listens = async (): Promise<boolean> => (await ask(`${url}/`).catch(() => null))?.status === 200
      while (child.exitCode === null && !(await listens())) await sleep(20)
      assert.equal(await startOver(url, { appId: 'playground', guest: true }), 'cut')
      assert.ok(await listens(), 'it has not given up the folder yet')
      assert.equal((await over).code, 2)
    })
  })

  it('prints one line if the data folder can’t be written', async () => {
    const file = join(await emptyFolder(), 'file')
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
      const data = await emptyFolder()
      await writeFile(join(data, 'secrets.json'), text)
      assert.match(await refusalOf('--port', '0', '--data', data), /remove the file/)
    }
  })

  it('prints one line if the host is not an address of this machine', async () => {
    assert.match(
      await refusalOf('--port', '0', '--host', '192.0.2.1', '--data', await emptyFolder()),
      /Can't listen/,
    )
  })
})
