// Bodies that are too large, and bodies that do not come.
import assert from 'node:assert/strict'
import { createAppToken } from '../../../src/tokens/index.js'
import { startStream } from '../../support/clients/stream-client.js'
import { openClient, openRaw, startClient, within, type RawSocket } from '../../support/raw-client.js'
import { startOf } from '../../support/starts.js'
import { secret } from '../../support/tokens.js'
import { serveOnBoth, testOnBoth } from './serve.js'

const urlOf = await serveOnBoth()
const hasty = await serveOnBoth({ startTimeout: 1 })
const few = await serveOnBoth({ startTimeout: 60, limits: { connections: 2 } })
const fewEach = await serveOnBoth({ startTimeout: 60, limits: { connectionsPerAddress: 2 } })

const json = 'Content-Type: application/json\r\n'

/** Returns the head of a request with a body. */
const headOf = (path: string, length: number | 'chunked', lines = ''): string => {
  const size = length === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`
  return `POST ${path} HTTP/1.1\r\nHost: x\r\n${lines}${size}\r\n\r\n`
}

const chunkOf = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`

/** Sends a whole body before it reads a byte, as simple HTTP clients do. Resolves with the socket, which may be read now. */
const sendFirst = async (
  url: string,
  path: string,
  size: number,
  isChunked: boolean,
  lines = '',
): Promise<RawSocket> => {
  const raw = await openRaw(url)
  const { socket } = raw
  socket.pause()
  const part = 'x'.repeat(50_000)
  const write = (text: string): Promise<unknown> =>
    new Promise((resolve, reject) =>
      socket.write(text, (error) => (error ? reject(error) : resolve(undefined))),
    )
  await write(headOf(path, isChunked ? 'chunked' : size, lines))
  for (let left = size; left > 0; left -= part.length)
    await within(write(isChunked ? chunkOf(part) : part), `room for ${left} bytes`)
  if (isChunked) await write('0\r\n\r\n')
  socket.resume()
  return raw
}

for (const isChunked of [false, true])
  testOnBoth(
    `who sends a body of megabytes ${isChunked ? 'in chunks ' : ''}before it reads gets the answer, on every path`,
    async (runtime) => {
      const url = urlOf(runtime)
      const authorization = `Authorization: Bearer ${await createAppToken({ appId: 'app', secret })}\r\n`
      for (const [path, status, lines] of [
        ['/v1/session/stream', 413, ''],
        ['/v1/session/frames', 413, ''],
        ['/v1/session/send', 413, ''],
        ['/v1/apps/app/messages', 413, json + authorization],
        ['/v1/apps/app/messages', 413, `${json}${authorization}Connection: close\r\n`],
        ['/v1/apps/app/messages', 415, authorization],
        ['/v1/apps/app/messages', 401, json],
        ['/v1/apps/none/messages', 404, json + authorization],
        ['/v1/apps/app/usage', 405, json + authorization],
        ['/healthz', 404, ''],
      ] as const)
        for (const size of [3_000_000, 20_000_000]) {
          const raw = await sendFirst(url, path, size, isChunked, lines)
          assert.equal((await raw.answer()).status, status, `${path} ${size}`)
          raw.socket.destroy()
        }
    },
  )

testOnBoth('a body without an end is read for a bounded time, then its socket is closed', async (runtime) => {
  const raw = await openRaw(urlOf(runtime))
  raw.socket.write(headOf('/v1/session/frames', 'chunked'))
  const part = chunkOf('x'.repeat(1_000_000))
  const pour = (): void => {
    while (raw.socket.writable && raw.socket.write(part));
    if (raw.socket.writable) raw.socket.once('drain', pour)
  }
  pour()
  await within(raw.closed, 'close')
  assert.match(raw.received().toString(), /^HTTP\/1\.1 413 /)
})

testOnBoth(
  'a body that does not come is 408: for a stream after `startTimeout`, for posts after 10 s',
  async (runtime) => {
    await Promise.all(
      [
        ['/v1/session/stream', hasty(runtime), 1_000],
        ['/v1/session/frames', hasty(runtime), 10_000],
        ['/v1/session/send', hasty(runtime), 10_000],
        ['/v1/session/stream', urlOf(runtime), 10_000],
      ].map(async ([path, url, milliseconds]) => {
        for (const first of ['', '{"type":']) {
          const raw = await openRaw(String(url))
          const at = performance.now()
          raw.socket.write(headOf(String(path), 100) + first)
          const { status, headers, body } = await raw.answer()
          const took = performance.now() - at
          assert.equal(status, 408, String(path))
          assert.match(body, /"code":"timeout"/)
          assert.ok(headers.has('access-control-allow-origin'))
          const share = took / Number(milliseconds)
          assert.ok(share > 0.95 && share < 9, `${String(path)}: ${took} ms`)
          await within(raw.closed, 'close')
          if (Number(milliseconds) > 1_000) break
        }
      }),
    )
  },
)

for (const [limit, full, code] of [
  ['connections', few, 4503],
  ['connectionsPerAddress', fewEach, 4529],
] as const) {
  testOnBoth(`a stream beyond \`${limit}\` is refused before its body comes`, async (runtime) => {
    const url = full(runtime)
    const [ada, bob] = [
      await startStream(url, await startOf('ada')),
      await startClient(url, await startOf('bob')),
    ]
    const raw = await openRaw(url)
    raw.socket.write(headOf('/v1/session/stream', 1_000))
    await within(raw.closed, 'close')
    assert.match(
      raw.received().toString(),
      new RegExp(`^HTTP/1.1 200 .*"type":"ended".*"type":"close","code":${code}`, 's'),
    )
    ada.cut()
    bob.close()
  })

  testOnBoth(`beyond \`${limit}\` a stream whose body has not come makes room`, async (runtime) => {
    const url = full(runtime)
    const ada = await startClient(url, await startOf('ada'))
    const waiting = await openRaw(url)
    waiting.socket.write(headOf('/v1/session/stream', 1_000, 'Expect: 100-continue\r\n'))
    // The gateway has read the head.
    assert.equal((await waiting.answer()).status, 100)
    const bob = openClient(url, { start: await startOf('bob') })
    await bob.next('started')
    await within(waiting.closed, 'close')
    assert.match(waiting.received().toString(), new RegExp(`"type":"close","code":${code}`))
    ada.close()
    bob.close()
  })
}
