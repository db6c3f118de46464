import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { test } from 'node:test'
import { createPushRequests, type PushRequests } from '../../../src/gateway/push/push-request.js'
import { makeCertificate } from '../../support/network/certificates.js'
import { listen } from '../../support/network/http-server.js'
import { pushNetworkOf } from '../../support/push/push-network.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { until } from '../../support/until.js'

/** The most connections to all services, and to one of them. */
const [MAX_SOCKETS, MAX_SOCKETS_OF_ONE] = [256, 128]

/** Starts push services on one server that keeps connections open, and does not answer before the test says so. */
const startServices = async () => {
  const { cert, key, ca } = makeCertificate(scratchFolder(), 'push', { names: 'DNS:*.push.test' })
  const waiting: ServerResponse[] = []
  let open = 0
  const server = createServer(
    { cert: readFileSync(cert), key: readFileSync(key), keepAliveTimeout: 120_000 },
    (request, response) => {
      request.resume()
      waiting.push(response)
    },
  )
  server.on('secureConnection', (socket) => {
    open += 1
    socket.once('close', () => (open -= 1))
  })
  const { port } = await listen(server)
  const network = pushNetworkOf({ port, ca: ca.toString(), ip: '127.0.0.1' })
  // On a busy machine hundreds of TLS handshakes take many seconds.
  const requests = createPushRequests({ ...network, timeout: 120_000 })
  return {
    requests,
    waiting,
    open: () => open,
    answer: () => {
      for (const response of waiting.splice(0)) response.writeHead(201).end()
    },
  }
}

const post = (requests: PushRequests, host: string): ReturnType<PushRequests['post']> =>
  requests.post(new URL(`https://${host}.push.test/send/1`), {}, Buffer.from('push'))

const postMany = (requests: PushRequests, host: string, count: number) =>
  Promise.allSettled(Array.from({ length: count }, () => post(requests, host)))

void test('idle connections to two services do not delay a push to a third one', async () => {
  const { requests, waiting, open, answer } = await startServices()
  for (const host of ['a', 'b']) {
    const posted = postMany(requests, host, MAX_SOCKETS_OF_ONE)
    await until('the service has the requests', () => waiting.length, MAX_SOCKETS_OF_ONE)
    answer()
    assert.ok((await posted).every(({ status }) => status === 'fulfilled'))
  }
  assert.equal(open(), MAX_SOCKETS)

  const posted = post(requests, 'c')
  await until('the third service has the request', () => waiting.length, 1)
  answer()
  assert.equal((await posted).status, 201)
  await until('one idle connection has made room', open, MAX_SOCKETS)
  requests.close()
})

void test('pushes beyond the connections wait for their turn, and end with the gateway', async () => {
  const { requests, waiting, answer } = await startServices()
  const [a, b] = [
    postMany(requests, 'a', MAX_SOCKETS_OF_ONE + 1),
    postMany(requests, 'b', MAX_SOCKETS_OF_ONE),
  ]
  await until('both services have requests', () => waiting.length, MAX_SOCKETS)
  const c = postMany(requests, 'c', 1)
  answer()
  await until('the other requests are sent', () => waiting.length, 2)
  answer()
  for (const posted of [a, b, c]) assert.ok((await posted).every(({ status }) => status === 'fulfilled'))

  const ended = postMany(requests, 'a', MAX_SOCKETS_OF_ONE + 1)
  await until('the service has the requests', () => waiting.length, MAX_SOCKETS_OF_ONE)
  requests.close()
  for (const one of await ended)
    assert.equal(one.status === 'rejected' && (one.reason as { code: string }).code, 'aborted')
})
