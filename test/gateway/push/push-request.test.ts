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

/** The most connections to all services, to one of them, and to those below a `*.` name that have not answered. */
const [MAX_SOCKETS, MAX_SOCKETS_OF_ONE, MAX_SOCKETS_OF_STRANGERS] = [256, 128, 16]

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
  const startRequests = (timeout: number) => createPushRequests({ ...network, timeout })
  return {
    // On a busy machine hundreds of TLS handshakes take many seconds.
    requests: startRequests(120_000),
    startRequests,
    waiting,
    open: () => open,
    answer: () => {
      for (const response of waiting.splice(0)) response.writeHead(201).end()
    },
  }
}

const post = (requests: PushRequests, host: string, listed?: string): ReturnType<PushRequests['post']> =>
  requests.post(new URL(`https://${host}.push.test/send/1`), {}, Buffer.from('push'), listed)

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

void test('made-up hosts below a `*.` name share few connections, and hosts that have answered keep theirs', async () => {
  const { requests, waiting, answer } = await startServices()
  const postAll = (hosts: readonly string[]) =>
    Promise.allSettled(hosts.map((host) => post(requests, host, '*.push.test')))
  const known = postAll(['known'])
  await until('a host below the name has the request', () => waiting.length, 1)
  answer()
  await known

  const silent = postAll(Array.from({ length: MAX_SOCKETS }, (_, n) => `made-up-${n}`))
  await until('the made-up hosts have requests', () => waiting.length, MAX_SOCKETS_OF_STRANGERS)
  const others = [post(requests, 'known', '*.push.test'), post(requests, 'other')]
  await until('two more have theirs', () => waiting.length, MAX_SOCKETS_OF_STRANGERS + 2)
  for (const response of waiting.splice(MAX_SOCKETS_OF_STRANGERS)) response.writeHead(201).end()
  for (const { status } of await Promise.all(others)) assert.equal(status, 201)

  const [first] = waiting.splice(0, 1)
  assert.ok(first)
  first.writeHead(201).end()
  await until('the next made-up host has its turn', () => waiting.length, MAX_SOCKETS_OF_STRANGERS)
  requests.close()
  const ended = (await silent).filter(({ status }) => status === 'rejected')
  assert.equal(ended.length, MAX_SOCKETS - 1)
})

void test('requests that wait for silent hosts are given up soon, and a host that becomes silent counts as one', async () => {
  const { waiting, answer, open, startRequests } = await startServices()
  const requests = startRequests(5_000)
  const known = post(requests, 'known', '*.push.test')
  await until('the host has the request', () => waiting.length, 1)
  answer()
  await known

  const gone = post(requests, 'known', '*.push.test')
  const silent = Array.from({ length: MAX_SOCKETS_OF_STRANGERS + 1 }, (_, n) =>
    post(requests, `made-up-${n}`, '*.push.test'),
  )
  const begun = Promise.allSettled([gone, ...silent.slice(0, -1)])
  // The time-out of a request that is sent has another message.
  await assert.rejects(silent.at(-1) ?? gone, { message: 'The push service answers no request.' })
  await begun
  await until('the connections of these requests are closed', open, 0)
  assert.equal(waiting.splice(0).length, MAX_SOCKETS_OF_STRANGERS + 1)

  const again = Promise.allSettled(
    Array.from({ length: MAX_SOCKETS_OF_STRANGERS + 1 }, () => post(requests, 'known', '*.push.test')),
  )
  await until('few requests are sent', () => waiting.length, MAX_SOCKETS_OF_STRANGERS)
  requests.close()
  await again
  assert.equal(waiting.length, MAX_SOCKETS_OF_STRANGERS)
})

void test('a silent host gets no further request, though it has connections left', async () => {
  const { waiting, startRequests } = await startServices()
  const requests = startRequests(5_000)
  const unanswered = postMany(requests, 'a', 16)
  await until('the host has the requests', () => waiting.length, 16)
  // A host counts as silent after a fifth of the time-out.
  const silentAt = performance.now() + 1_000
  await until('the host is silent', () => performance.now() > silentAt)
  await assert.rejects(post(requests, 'a'), { message: 'The push service answers no request.' })
  assert.equal(waiting.length, 16)
  requests.close()
  await unanswered
})
