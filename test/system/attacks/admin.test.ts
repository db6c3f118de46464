// Attacks on the admin listener by strangers without a token, byte by byte over TCP.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openRaw, within, type RawSocket } from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { startGateway } from '../../support/gateway.js'

const token = 'the admin token of a test, 32 bytes'
const { gateway, lines } = await startGateway({}, { admin: { port: 0, token } })
const url = (await gateway.listenAdmin()) ?? assert.fail()

/** Asserts that an operator gets the metrics, and that no error was logged. */
const assertUnharmed = async (): Promise<void> => {
  const { status } = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
  assert.equal(status, 200)
  assert.deepEqual(
    lines.filter((line) => /"level":"(error|fatal)"/.test(line)),
    [],
  )
}

/** Writes a request, and resolves with the statuses and the text of all answers until the close. */
const ask = async (request: string): Promise<{ statuses: number[]; text: string }> => {
  const raw = await openRaw(url)
  raw.socket.write(request, 'latin1')
  await within(raw.closed, 'close')
  const text = raw.received().toString('latin1')
  return { statuses: [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status)), text }
}

const get = (target: string, ...lines: string[]): string =>
  [`GET ${target} HTTP/1.1`, 'Host: x', 'Connection: close', ...lines, '', ''].join('\r\n')

const targets = [
  ...[
    '/metrics',
    '//metrics',
    '/metrics/',
    '/./metrics',
    '/x/../metrics',
    '/%6detrics',
    '/metrics%00',
    '/METRICS',
  ],
  ...[
    '/api/me',
    '//api/me',
    '/api//me',
    '/api/./me',
    '/%61pi/me',
    '/api%2Fme',
    '/api/%2e%2e/metrics',
    '/api;/me',
  ],
  ...['http://x/metrics', 'http://x/api/me', '/metrics?x', '/api/me#x', '/healthz/../metrics', '/\\metrics'],
  ...[
    '/..%2f..%2fpackage.json',
    '/../../package.json',
    '/%2e%2e/%2e%2e/package.json',
    '/__proto__',
    '/%',
    '/%ff',
  ],
]

test('no spelling of a path passes the guard, and none leaves the folder of the console', async () => {
  for (const target of targets) {
    const { statuses, text } = await ask(get(target))
    assert.equal(statuses.length, 1, target)
    assert.match(String(statuses[0]), /^4\d\d$/, target)
    assert.doesNotMatch(text, /chat_session_|"role"|devDependencies/, target)
  }
  await assertUnharmed()
})

test('no header in place of a token passes the guard', async () => {
  const headers = [
    ...[
      'Authorization: Bearer',
      'Authorization: Bearer ',
      `Authorization: ${token}`,
      `Authorization: Basic ${token}`,
    ],
    ...[
      `Authorization: Bearer ${token} `.replace('the', 'The'),
      'Authorization: Bearer null',
      'Authorization: Bearer \u00ff',
    ],
    ...[
      `Cookie: token=${token}`,
      `X-Authorization: Bearer ${token}`,
      `Authorization: Bearer x\r\nAuthorization: Bearer ${token}`,
    ],
    ...[
      `Authorization: Bearer ${' '.repeat(10_000)}`,
      'X-Forwarded-For: 127.0.0.1',
      'X-Original-URL: /healthz',
    ],
  ]
  for (const header of headers) {
    const { statuses } = await ask(get('/metrics', header))
    assert.match(String(statuses), /^(400|401)$/, header.slice(0, 60))
  }
  await assertUnharmed()
})

test('odd hosts, methods and bodies get an answer of 4xx', async () => {
  const requests = [
    ...['a b', 'x/../..', 'user@x', '[::1', 'x:99999', '', '\u00ff'].map((host) =>
      get('/metrics').replace('Host: x', `Host: ${host}`),
    ),
    ...['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH'].map((method) =>
      get('/api/me').replace('GET', method),
    ),
    get('/api/me', 'Content-Length: 10', 'Transfer-Encoding: chunked'),
    get('/api/me', 'Content-Length: 99999999999'),
    get('/api/me', 'Connection: Upgrade', 'Upgrade: websocket'),
    get('/metrics').replace('HTTP/1.1', 'HTTP/1.0').replace('Host: x\r\n', ''),
  ]
  for (const request of requests) {
    const { statuses } = await ask(request)
    assert.match(String(statuses), /^4\d\d$/, request)
  }
  await assertUnharmed()
})

test('a megabyte of pipelined requests ends with a 429', async () => {
  const request = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
  const raw = await openRaw(url)
  raw.socket.write(request.repeat(2 ** 20 / request.length))
  assert.equal(await within(raw.closed, 'close'), false, 'the socket closes without an error')
  assert.match(raw.received().toString(), /HTTP\/1\.1 429 /)
  await assertUnharmed()
})

/** Opens sockets from an address of this machine that send nothing; every fourth sends half a request. */
const openSilent = async (count: number, localAddress = '127.0.0.1'): Promise<RawSocket[]> => {
  const silent = await Promise.all(Array.from({ length: count }, () => openRaw(url, { localAddress })))
  for (const [index, { socket }] of silent.entries()) if (index % 4 === 0) socket.write('GET /met')
  return silent
}

const isOpen = ({ socket }: RawSocket): boolean => !socket.destroyed

test('strangers who send nothing, or half a request, take no place from an operator, and are soon closed', async () => {
  const silent = await openSilent(200)
  await until('the oldest make room', () => silent.slice(0, 100).filter(isOpen).length, 0)
  await assertUnharmed()
  assert.ok(silent.slice(-50).every(isOpen), 'the latest still have their time')
  await within(Promise.all(silent.map(({ closed }) => closed)), 'close', 10_000)
})

test('an operator who reads a stream keeps it in a flood of silent sockets', async () => {
  const stream = await openRaw(url)
  const lines = [`Authorization: Bearer ${token}`]
  stream.socket.write(get('/api/apps/app/changes', ...lines))
  await until('the stream has begun', () => stream.received().includes('"entries"'))
  const silent = await openSilent(300)
  await until('the oldest make room', () => silent.slice(0, 200).filter(isOpen).length, 0)
  assert.ok(isOpen(stream))
  for (const { socket } of [stream, ...silent]) socket.destroy()
})

test('a stranger’s sockets take no place from another address, even one that has not sent its token yet', async () => {
  const operator = await openRaw(url)
  const silent = await openSilent(300, '127.0.0.2')
  await until('the oldest make room', () => silent.slice(0, 200).filter(isOpen).length, 0)
  operator.socket.write(get('/metrics', `Authorization: Bearer ${token}`))
  assert.equal((await operator.answer()).status, 200)
  for (const { socket } of silent) socket.destroy()
})
