// Addresses and ports that a gateway listens with.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { startOf } from '../../support/starts.js'
import { startClient } from '../../support/raw-client.js'
import { runtimes, type Runtime } from '../../support/processes/runtimes.js'
import { serve, serveFile, testOnBoth, writeConfig } from './serve.js'

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
