// Messages about which the app's backend is asked at `authorizeSendUrl`, on real servers.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import type { AppConfig } from '../../../src/gateway/index.js'
import { postAs, codesOf } from '../../support/clients/posted-sends.js'
import { startGateway, testApp } from '../../support/gateway.js'
import { startServer } from '../../support/network/http-server.js'
import { startClient, type Client, type Frame, startAs } from '../../support/raw-client.js'
import { startOf } from '../../support/starts.js'
import { until } from '../../support/until.js'

const secret = `whsec_${randomBytes(32).toString('base64')}`

type Question = Record<string, unknown>
type Respond = (response: ServerResponse, question: Question) => unknown

/** Starts a backend that verifies each request by the reference library, and a gateway that asks it about messages. */
const run = async (respond: Respond, app: Partial<AppConfig> = {}, timeout?: number) => {
  const asked: Question[] = []
  const headers: IncomingMessage['headers'][] = []
  const backend = await startServer((request, response) => {
    void text(request).then((json) => {
      const question = new Webhook(secret).verify(json, request.headers as Record<string, string>) as Question
      asked.push(question)
      headers.push(request.headers)
      respond(response, question)
    })
  })
  const authorizeSendUrl = { url: `${backend.url}/may-send?key=s3cret`, secrets: [secret], timeout }
  const gateway = await startGateway({ authorizeSendUrl, ...app })
  return { ...gateway, asked, headers, backend, authorizeSendUrl }
}

const answer = (status: number, body?: unknown): Respond => {
  const json = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
  return (response) => response.writeHead(status, { 'content-type': 'application/json' }).end(json)
}
const yes = answer(200, { ok: true })

const message = { type: 'send', id: 'm1', to: 'bob', body: 'Hello', data: { n: 1 } }

/** Sends a frame, and resolves with its answer. */
const ask = async (client: Client, frame: Frame): Promise<Frame> => {
  client.send(frame)
  for (;;) {
    const next = await client.next()
    if (['sent', 'refused'].includes(next.type) && next['id'] === frame['id']) return next
  }
}

const inShop = { origin: 'https://shop.example' }

test('the backend is sent a signed question about each message of a client, and its yes stores the message', async () => {
  const { url, asked, headers } = await run(yes)
  const [page, program] = [await startAs(url, 'ada', {}, inShop), await startAs(url, 'ada')]
  assert.equal((await ask(page, message)).type, 'sent')
  assert.equal((await ask(program, { type: 'send', id: 'm2', to: 'bob', body: 'No data' })).type, 'sent')
  const shared = { appId: 'app', from: 'ada', to: 'bob' }
  assert.deepEqual(asked, [
    { ...shared, id: 'm1', body: 'Hello', data: { n: 1 }, origin: 'https://shop.example' },
    { ...shared, id: 'm2', body: 'No data', data: null, origin: null },
  ])
  assert.equal(headers[0]?.['content-type'], 'application/json')
  assert.equal(new Set(headers.map((each) => each['webhook-id'])).size, 2)
})

test('a retry of a stored message is not asked about: it answers as before, and other content is a conflict', async () => {
  const { url, asked } = await run(yes)
  const [first, second] = [await startAs(url, 'ada'), await startAs(url, 'ada')]
  const sent = await ask(first, message)
  for (const client of [first, second]) assert.deepEqual(await ask(client, message), sent)
  assert.equal((await ask(second, { ...message, body: 'Other' }))['code'], 'conflict')
  const posted = await postAs(url, 'ada', [{ ...message, type: undefined }])
  assert.equal(posted.results[0]?.['offset'], sent['offset'])
  assert.equal(asked.length, 1)
})

test("the backend's content replaces the message's, in the sender's copy too, and a retry has the original content", async () => {
  const { url, asked } = await run((response, { id }) =>
    answer(
      200,
      {
        body: { ok: true, body: 'H***o' },
        data: { ok: true, data: { moderated: true } },
        both: { ok: true, body: '', data: {} },
        same: { ok: true, body: null, data: null },
      }[id as string],
    )(response, {}),
  )
  const [ada, bob] = [await startAs(url, 'ada'), await startAs(url, 'bob')]
  for (const [id, content] of [
    ['body', { body: 'H***o', data: { n: 1 } }],
    ['data', { body: 'Hello', data: { moderated: true } }],
    ['both', { body: '', data: {} }],
    ['same', { body: 'Hello', data: { n: 1 } }],
  ] as const) {
    ada.send({ ...message, id })
    for (const client of [ada, bob]) {
      const { body, data } = await client.next('message')
      assert.deepEqual({ body, data }, content, id)
    }
  }
  const sent = ada.frames.filter(({ type }) => type === 'sent')
  assert.deepEqual(await ask(ada, { ...message, id: 'both' }), sent[2])
  assert.equal((await ask(ada, { ...message, id: 'both', body: '', data: {} }))['code'], 'conflict')
  assert.equal(asked.length, 4)
})

const large = 'x'.repeat(16_385)
const unusable = 'gave no usable answer'
const nested = JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`) as unknown
/** Answers that store nothing. If `log` is given, the answer was unusable, and the log says why. */
const answers: [what: string, respond: Respond, code: string, log?: string][] = [
  ['ok: false', answer(200, { ok: false }), 'refused'],
  ['ok: false with a number as sentence', answer(200, { ok: false, message: 5 }), 'refused'],
  ['403', answer(403), 'refused'],
  ["ok: 'true'", answer(200, { ok: 'true', message: 'No.' }), 'refused', "'ok' is neither true nor false"],
  ['ok: 1', answer(200, { ok: 1 }), 'refused', "'ok' is neither true nor false"],
  ['an object without ok', answer(200, {}), 'refused', "'ok' is neither true nor false"],
  ['204', answer(204), 'refused', 'has the status 204'],
  ['201 with ok: true', answer(201, { ok: true }), 'refused', 'has the status 201'],
  ['404 with ok: true', answer(404, { ok: true }), 'refused', 'has the status 404'],
  ['a redirect', (response) => response.writeHead(302, { location: '/' }).end(), 'refused', 'the status 302'],
  ['429', answer(429), 'unavailable', 'has the status 429'],
  ['500', answer(500), 'unavailable', 'has the status 500'],
  ['503 with ok: true', answer(503, { ok: true }), 'unavailable', 'has the status 503'],
  ['200 without a body', answer(200), 'unavailable', 'not a JSON object'],
  ['200 with a page', answer(200, '<!doctype html>'), 'unavailable', 'not a JSON object'],
  ['200 with a list', answer(200, [{ ok: true }]), 'unavailable', 'not a JSON object'],
  ['200 with an endless list', answer(200, '[1,'.repeat(100_000)), 'unavailable', 'not a JSON object'],
  ['a body that is a number', answer(200, { ok: true, body: 5 }), 'unavailable', "can't be sent"],
  ['data that are a list', answer(200, { ok: true, data: [] }), 'unavailable', "can't be sent"],
  ['a body that is too large', answer(200, { ok: true, body: large }), 'unavailable', '16384 bytes'],
  ['data that are too deep', answer(200, { ok: true, data: { nested } }), 'unavailable', 'nested at most'],
  [
    'a number in data that would be stored as another one',
    answer(200, '{"ok":true,"data":{"order":[{"id":9007199254740993}]}}'),
    'unavailable',
    "'data.order[0].id' is a number",
  ],
  ['a connection that is cut', (response) => response.destroy(), 'unavailable', 'The request failed'],
]
for (const [what, respond, code, log] of answers)
  test(`${what} is ${code}, and the log says ${log === undefined ? 'nothing' : 'why'}`, async () => {
    const { url, lines, asked } = await run(respond)
    const client = await startAs(url, 'ada')
    const refused = await ask(client, message)
    assert.deepEqual([refused['code'], refused['retryable']], [code, code === 'unavailable'])
    const logged = lines.filter((line) => line.includes(unusable))
    assert.equal(logged.length, log === undefined ? 0 : 1)
    assert.ok(logged.join('').includes(log ?? ''), logged.join(''))
    assert.doesNotMatch(lines.join(''), /s3cret|Hello|xxxx/)
    assert.equal(asked.length, 1)
  })

test('the sentence of a no reaches the sender', async () => {
  const sentence = 'Bob has blocked you. 😀'
  const { url } = await run(answer(200, { ok: false, message: sentence }))
  const client = await startAs(url, 'ada')
  assert.equal((await ask(client, message))['message'], sentence)
  const { url: long } = await run(answer(200, { ok: false, message: '😀'.repeat(5_000) }))
  const other = await startAs(long, 'ada')
  assert.equal((await ask(other, message))['message'], '😀'.repeat(1_000))
})

test('a message whose backend does not answer in time, or is away, is unavailable; once it answers, the retry is stored', async () => {
  const waiting: ServerResponse[] = []
  let respond: Respond = (response) => waiting.push(response)
  const { url, asked, lines } = await run((...given) => respond(...given), {}, 0.1)
  const client = await startAs(url, 'ada')
  assert.equal((await ask(client, message))['code'], 'unavailable')
  assert.match(lines.join(''), /no complete answer within 100 ms/)
  respond = yes
  await until('the client may send again', async () => (await ask(client, message)).type === 'sent')
  assert.equal(asked.at(-1)?.['id'], 'm1')
})

/** A backend that answers when the test says so. */
const heldBackend = () => {
  const held = new Map<unknown, ServerResponse>()
  return {
    held,
    respond: (response: ServerResponse, { id }: Question) => void held.set(id, response),
    release(id: string, body: unknown = { ok: true }) {
      const response = held.get(id)
      assert.ok(response, id)
      answer(200, body)(response, {})
    },
  }
}

test('the messages of a session are asked about at once, and stored in their order', async () => {
  const { held, respond, release } = heldBackend()
  const { url, asked } = await run(respond, {}, 10)
  const client = await startAs(url, 'ada')
  const ids = Array.from({ length: 12 }, (_, index) => `${index}`)
  client.send(...ids.map((id) => ({ ...message, id })))
  await until('all messages are asked about', () => held.size === ids.length)
  for (const id of ids.toReversed()) release(id, id === '3' ? { ok: false } : { ok: true })
  const answered: unknown[] = []
  while (answered.length < ids.length) {
    const { type, id } = await client.next()
    if (type === 'sent' || type === 'refused') answered.push([type, id])
  }
  assert.deepEqual(
    answered,
    ids.map((id) => [id === '3' ? 'refused' : 'sent', id]),
  )
  const offsets = client.frames.filter(({ type }) => type === 'sent').map(({ offset }) => offset)
  assert.deepEqual(
    offsets,
    ids.slice(1).map((_, index) => index + 1),
  )
  assert.equal(asked.length, ids.length)
})

test('if one message is unavailable, those behind it are not stored, because they would overtake it', async () => {
  const { held, respond, release } = heldBackend()
  const { url, gateway } = await run(respond, {}, 10)
  const client = await startAs(url, 'ada')
  client.send({ ...message, id: '1' }, { ...message, id: '2' })
  await until('both are asked about', () => held.size === 2)
  release('2')
  release('1', [])
  for (const id of ['1', '2']) {
    const refused = await client.next('refused')
    assert.deepEqual([refused['id'], refused['code']], [id, 'unavailable'])
  }
  assert.equal((await gateway.client('app').getUsage()).inboxes, 0)
})

test('a message that is sent again while the backend is asked about it is asked about once', async () => {
  const { held, respond, release } = heldBackend()
  const { url, asked } = await run(respond, {}, 10)
  const [first, second] = [await startAs(url, 'ada', {}, inShop), await startAs(url, 'ada')]
  first.send(message)
  await until('the message is asked about', () => held.size === 1)
  first.close()
  second.send(message)
  const posted = postAs(url, 'ada', [{ ...message, type: undefined }])
  // A message behind the retry shows that the retry has arrived.
  second.send({ ...message, id: 'm2' })
  await until('the next message is asked about', () => held.size === 2)
  release('m1', { ok: true, body: 'once' })
  release('m2')
  const sent = await second.next('sent')
  assert.equal((await posted).results[0]?.['offset'], sent['offset'])
  assert.deepEqual(
    asked.map(({ id }) => id),
    ['m1', 'm2'],
  )
})

test('the messages of a post are asked about at once, and stored in their order', async () => {
  const { held, respond, release } = heldBackend()
  const { url, asked } = await run(respond, {}, 10)
  const sends = Array.from({ length: 16 }, (_, index) => ({ id: `${index}`, to: 'bob', body: `${index}` }))
  const posting = postAs(url, 'ada', sends)
  await until('all messages are asked about', () => held.size === 16)
  for (const { id } of sends.toReversed())
    release(id, id === '3' ? { ok: false, message: 'Blocked.' } : { ok: true, body: `replaced ${id}` })
  const posted = await posting
  assert.deepEqual(posted.results[3], { id: '3', code: 'refused', message: 'Blocked.', retryable: false })
  assert.deepEqual(
    posted.results.filter(({ offset }) => offset !== undefined).map(({ offset }) => offset),
    Array.from({ length: 15 }, (_, index) => index + 1),
  )
  const bob = await startClient(url, { ...(await startOf('bob')), since: { epoch: 'none', offset: 0 } })
  assert.equal((await bob.next('message'))['body'], 'replaced 0')
  // The same post again is not asked about.
  assert.deepEqual(codesOf(await postAs(url, 'ada', sends.slice(0, 3))), [undefined, undefined, undefined])
  assert.equal(asked.length, 16)
})

test('in a post, the messages behind one that is unavailable have the same code, and are not stored', async () => {
  const { url, gateway } = await run((response, { id }) => (id === '2' ? answer(500) : yes)(response, {}))
  const posted = await postAs(
    url,
    'ada',
    ['1', '2', '3'].map((id) => ({ id, to: 'bob', body: id })),
  )
  assert.deepEqual(codesOf(posted), [undefined, 'unavailable', 'unavailable'])
  const { messages } = await gateway.client('app').listMessages({ user: 'bob' })
  assert.deepEqual(
    messages.map(({ body }) => body),
    ['1'],
  )
})

test('only messages of clients that the gateway itself would store are asked about', async () => {
  const { url, asked, gateway } = await run(yes, {
    send: 'users',
    guests: true,
    limits: { messagesPerSecond: 1 },
  })
  await gateway.client('app').sendMessage({ user: 'bob', body: { from: 'ada', body: 'of the backend' } })
  const guest = await startClient(url, { type: 'start', appId: 'app', guest: true })
  assert.equal((await ask(guest, message))['code'], 'refused')
  const ada = await startAs(url, 'ada')
  assert.equal((await ask(ada, { ...message, body: large }))['code'], 'too-large')
  assert.equal((await ask(ada, message)).type, 'sent')
  assert.equal((await ask(ada, { ...message, id: 'm2' }))['code'], 'rate-limited')
  assert.equal(asked.length, 1)
})

test('authorizeSendUrl may come and go under a live session', async () => {
  const { url, gateway, asked, authorizeSendUrl } = await run(yes)
  const client = await startAs(url, 'ada', {}, inShop)
  assert.equal((await ask(client, { ...message, id: '1' })).type, 'sent')
  await gateway.reload({ apps: { app: testApp() } })
  assert.equal((await ask(client, { ...message, id: '2' })).type, 'sent')
  await gateway.reload({ apps: { app: testApp({ authorizeSendUrl }) } })
  assert.equal((await ask(client, { ...message, id: '3' })).type, 'sent')
  assert.deepEqual(
    asked.map(({ id, origin }) => [id, origin]),
    [
      ['1', 'https://shop.example'],
      ['3', 'https://shop.example'],
    ],
  )
})
