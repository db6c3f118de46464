import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { platform } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createEmbeddedEngine } from '../../src/engine/index.js'
import { type Gateway, type GatewayConfig } from '../../src/gateway/index.js'
import { openRaw, handshake, startAs, within } from '../support/raw-client.js'
import { makeCertificate } from '../support/network/certificates.js'
import { scratchFolder } from '../support/scratch-folder.js'
import { newGateway, startGateway } from '../support/gateway.js'

const folder = scratchFolder()

const make = (config: Partial<GatewayConfig> = {}): Gateway => newGateway({}, config).gateway
const code = (wanted: string) => (error: unknown) => (error as { code?: unknown }).code === wanted
const refusesConnections = async (url: string): Promise<boolean> => {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  return new Promise((resolve) => {
    socket.once('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.once('error', () => resolve(true))
  })
}

test('over TLS a session starts, and the address says https', async () => {
  const { key, cert, ca } = makeCertificate(folder, 'localhost')
  const { url, gateway } = await startGateway({}, { listen: { port: 0, tls: { cert, key } } })
  assert.match(url, /^https:\/\/127\.0\.0\.1:\d+$/)
  const client = await startAs(url, 'ada', {}, { ca })
  // A socket without a TLS handshake must not keep the gateway from closing.
  await openRaw(url)
  const closed = within(gateway.close(), 'close')
  assert.equal((await client.end()).code, 4503)
  await closed
})

test('files that are no certificate reject listen() as bad-tls, each time', async () => {
  const [key, cert] = [join(folder, 'bad-key.pem'), join(folder, 'bad-cert.pem')]
  await Promise.all([writeFile(key, 'secret nonsense'), writeFile(cert, 'nonsense')])
  const gateway = make({ listen: { port: 0, tls: { cert, key } } })
  const badTls = (error: Error): boolean =>
    code('bad-tls')(error) && !error.message.includes('secret nonsense')
  await assert.rejects(gateway.listen(), badTls)
  await assert.rejects(gateway.listen(), badTls)
  const missing = make({ listen: { port: 0, tls: { cert: join(folder, 'none.pem'), key } } })
  await assert.rejects(
    missing.listen(),
    (error: Error) => code('bad-tls')(error) && error.message.includes('none.pem'),
  )
})

test('a port in use rejects as port-in-use; when the port is free, the same gateway listens', async () => {
  const first = make()
  const url = await first.listen()
  const second = make({ listen: { port: Number(new URL(url).port) } })
  // Node warns if more than ten listeners of one event are left.
  const warnings: string[] = []
  const onWarning = ({ message }: Error): void => void warnings.push(message)
  process.on('warning', onWarning)
  for (let attempt = 0; attempt < 20; attempt++) await assert.rejects(second.listen(), code('port-in-use'))
  process.off('warning', onWarning)
  assert.deepEqual(warnings, [])
  await first.close()
  assert.equal(await second.listen(), url)
})

test('a second listen() resolves with the same address', async () => {
  const gateway = make()
  const [first, second] = await Promise.all([gateway.listen(), gateway.listen()])
  assert.equal(first, second)
  assert.equal(await gateway.listen(), first)
})

test('a gateway that is closed while it opens does not listen', async () => {
  for (const path of [undefined, join(folder, 'opening')]) {
    const gateway = make(path === undefined ? {} : { engine: { type: 'embedded', path } })
    const listening = gateway.listen()
    await within(Promise.all([gateway.close(), assert.rejects(listening, code('closed'))]), 'close')
  }
})

test('a gateway that is closed while its server is about to listen does not listen', async () => {
  const gateway = make({ listen: { host: 'localhost', port: 0 } })
  await gateway.ready()
  const refused = assert.rejects(gateway.listen(), code('closed'))
  // By now the host name is being looked up.
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
  await within(gateway.close(), 'close')
  await refused
})

test('a gateway that waits for a locked folder can be closed; one that failed to open opens when the folder is free', async () => {
  const path = join(folder, 'locked')
  const owner = createEmbeddedEngine({ path })
  await owner.open()
  const waiting = make({ engine: { type: 'embedded', path } })
  const refused = assert.rejects(waiting.listen(), code('closed'))
  // The limit is shorter than the engine waits by itself.
  await within(waiting.close(), 'close', 4_500)
  await refused
  const later = make({ engine: { type: 'embedded', path } })
  await assert.rejects(later.listen(), code('locked'))
  await owner.close()
  await startAs(await later.listen(), 'ada')
})

test('close() resolves when every socket is closed, also those of clients that never answer', async () => {
  const { url, gateway } = await startGateway()
  const polite = await startAs(url, 'ada')
  const rude = await openRaw(url)
  rude.socket.write(handshake())
  await rude.answer()
  const half = await openRaw(url)
  half.socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n')
  const closing = gateway.close()
  assert.deepEqual([(await polite.end()).code], [4503])
  await within(closing, 'close')
  await within(Promise.all([rude.closed, half.closed]), 'cut')
  assert.equal(await refusesConnections(url), true)
  await gateway.close()
})

test('a start on an address that other machines reach warns of test apps', async () => {
  const warned = (lines: string[]): unknown[] =>
    lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ level, msg }) => level === 'warn' && String(msg).includes('a test app is lenient'))
      .map(({ appIds }) => appIds)
  // The gateway listens on this machine alone, but in a spelling that does not count as a loopback address.
  const host = '127.1'
  const open = await startGateway({}, { listen: { host, port: 0 } })
  assert.deepEqual(warned(open.lines), [['app']])
  await open.gateway.close()
  const { lines } = await startGateway({})
  assert.deepEqual(warned(lines), [])
  const strict = await startGateway(
    { environment: 'production', origins: ['https://a.example'], signatureSecrets: [] },
    { listen: { host, port: 0 } },
  )
  assert.deepEqual(warned(strict.lines), [])
})

test(
  'eight hundred connections that come while the event loop is busy are all taken by the kernel',
  { skip: platform() === 'linux' ? false : 'only Linux lists the states of sockets in a file' },
  async () => {
    const { port } = await startGateway({}, { limits: { connectionsPerSecondPerAddress: 100_000 } })
    const sockets = Array.from({ length: 800 }, () => connect(port, '127.0.0.1').on('error', () => undefined))
    // Node connects in the next tick. In this turn of the event loop the gateway accepts nothing.
    await new Promise<void>((resolve) => process.nextTick(resolve))
    const remote = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
    // The connections are compared by address, because a list that changes while it is read may have a line twice. The list also has
    // closed connections of earlier servers.
    const established = new Set<string | undefined>()
    for (const line of readFileSync('/proc/net/tcp', 'latin1').split('\n')) {
      const [, from, to, state] = line.trim().split(/\s+/)
      if (to === remote && state === '01') established.add(from)
    }
    for (const socket of sockets) socket.destroy()
    assert.equal(established.size, sockets.length)
  },
)
