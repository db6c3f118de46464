// Addresses, ports and certificates that a gateway listens with.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFile, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { startOf } from '../../support/starts.js'
import { makeCertificate, type Certificate } from '../../support/network/certificates.js'
import { openRaw, startClient, within } from '../../support/raw-client.js'
import { runtimes, type Runtime } from '../../support/processes/runtimes.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { until } from '../../support/until.js'
import { serve, serveFile, testOnBoth, writeConfig } from './serve.js'

const folder = scratchFolder()
const [one, two] = [makeCertificate(folder, 'one'), makeCertificate(folder, 'two')]

const filesOf = ({ cert, key }: Certificate) => ({ cert, key })

/** Returns the line that a gateway prints which can't listen. */
const failureOf = async (runtime: Runtime, listen: object): Promise<string> => {
  const { code, stdout, stderr } = await serveFile(runtime, await writeConfig({ listen })).outcome
  assert.deepEqual({ code, stdout }, { code: 2, stdout: '' }, stderr)
  assert.match(stderr, /^chat-session: [^\n]+\n$/)
  return stderr
}

testOnBoth('a port that is in use is reported as one, whatever uses it', async (runtime) => {
  for (const other of runtimes) {
    const { address } = await serve(other)
    const { port } = new URL(address)
    assert.match(await failureOf(runtime, { port: Number(port) }), new RegExp(`Port ${port} .* is in use`))
  }
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  assert.match(await failureOf(runtime, { port }), new RegExp(`Port ${port} .* is in use`))
  server.close()
})

testOnBoth('a host that is no address of this machine is not reported as a port in use', async (runtime) => {
  assert.match(
    await failureOf(runtime, { host: 'nowhere.invalid', port: 0 }),
    /Can't listen on nowhere\.invalid, port 0: getaddrinfo ENOTFOUND/,
  )
  assert.match(
    await failureOf(runtime, { host: '192.0.2.1', port: 0 }),
    /Can't listen on 192\.0\.2\.1, port 0: .*EADDRNOTAVAIL/,
  )
})

testOnBoth('IPv6: the loopback, and all addresses together with those of IPv4', async (runtime) => {
  const loopback = await serve(runtime, { listen: { host: '::1', port: 0 } })
  assert.match(loopback.address, /^http:\/\/\[::1\]:\d+$/)
  const all = await serve(runtime, {
    listen: { host: '::', port: 0 },
    // A client of IPv4 has the same address whether it comes through `::` or not.
    limits: { connectionsPerAddress: 1 },
  })
  assert.match(all.address, /^http:\/\/\[::\]:\d+$/)
  const { port } = new URL(all.address)
  for (const address of [loopback.address, `http://[::1]:${port}`, `http://127.0.0.1:${port}`])
    await startClient(address, await startOf('ada'))
})

testOnBoth('a host may be a name', async (runtime) => {
  const { address } = await serve(runtime, { listen: { host: 'localhost', port: 0 } })
  const client = await startClient(address, await startOf('ada'))
  client.close()
})

testOnBoth('WebSockets and requests over TLS', async (runtime) => {
  const { address } = await serve(runtime, { listen: { port: 0, tls: filesOf(one) } })
  assert.match(address, /^https:\/\/127\.0\.0\.1:\d+$/)
  const client = await startClient(address, await startOf('ada'), { ca: one.ca })
  client.send({ type: 'end' })
  assert.equal((await client.end()).code, 1000)
  // Plain bytes on a port of TLS end the connection, and nothing else.
  const raw = await openRaw(address)
  raw.socket.write('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
  await within(raw.closed, 'close')
  assert.equal(raw.received().includes('200 OK'), false)
  await startClient(address, await startOf('ada'), { ca: one.ca })
})

testOnBoth('files that are no certificate, or do not belong together, are reported', async (runtime) => {
  const nonsense = join(folder, 'nonsense.pem')
  await writeFile(nonsense, 'secret nonsense')
  for (const tls of [
    { cert: nonsense, key: one.key },
    { cert: one.cert, key: nonsense },
    { cert: one.cert, key: two.key },
    { cert: join(folder, 'none.pem'), key: one.key },
  ]) {
    const failure = await failureOf(runtime, { port: 0, tls })
    assert.match(failure, /The files in listen\.tls can't be used: /)
    assert.doesNotMatch(failure, /secret nonsense/)
  }
})

/** Returns the name in the certificate that the gateway shows to a new connection. */
const shownBy = async (address: string): Promise<string> => {
  const socket = connect({
    port: Number(new URL(address).port),
    host: '127.0.0.1',
    ca: [one.ca, two.ca],
  })
  await within(once(socket, 'secureConnect'), 'TLS connection')
  const { subject } = socket.getPeerCertificate()
  socket.destroy()
  return String(subject.CN)
}

testOnBoth('a reload takes a renewed certificate, and open connections stay', async (runtime) => {
  const tls = {
    cert: join(folder, `live-${runtime.name}.pem`),
    key: join(folder, `live-${runtime.name}-key.pem`),
  }
  const use = async ({ cert, key }: typeof tls): Promise<void> => {
    await copyFile(cert, tls.cert)
    await copyFile(key, tls.key)
  }
  await use(one)
  const { address, child, outcome } = await serve(runtime, { listen: { port: 0, tls } })
  assert.equal(await shownBy(address), 'one')
  const client = await startClient(address, await startOf('ada'), { ca: one.ca })
  await use(two)
  child.kill('SIGHUP')
  const shown = async (): Promise<string> => {
    try {
      return await shownBy(address)
    } catch (error) {
      // On Bun the reload closes the socket that listened, with the connections that it has not accepted yet, and then opens another one.
      const { code = '' } = error as NodeJS.ErrnoException
      assert.ok(runtime.name === 'Bun' && ['ECONNRESET', 'ECONNREFUSED'].includes(code), String(error))
      return 'no connection'
    }
  }
  await until('the renewed certificate', shown, 'two')
  client.send({ type: 'send', id: '1', to: 'bob', body: 'x' })
  await client.next('sent')
  const later = await startClient(address, await startOf('bob'), { ca: two.ca })
  // Connections under both certificates end when the gateway closes.
  child.kill('SIGTERM')
  for (const { end } of [client, later]) assert.equal((await end()).code, 4503)
  assert.equal((await outcome).code, 0)
})
