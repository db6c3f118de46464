// Messages between users, over real sockets.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rules } from '../../../../src/engine/suite/kit.js'
import { startClient, type Client, type Frame, startAs } from '../../../support/raw-client.js'
import { until } from '../../../support/until.js'
import { assemble } from '../../../support/gateway/assembled-gateway.js'
import { startGateway } from '../../../support/gateway.js'
import { onBothEngines } from '../../../support/rest/rest-calls.js'
import { startOf, guestStart } from '../../../support/starts.js'
import { tokenFor } from '../../../support/tokens.js'

const fast = { limits: { messagesPerSecond: 1_000_000 } }

const refusalOf = async (client: Client, frame: Frame): Promise<Frame> => {
  client.send(frame)
  return client.next('refused')
}

for (const { gateway, url, on } of await onBothEngines(fast)) {
  test(`a message reaches every session of both users, and its sender receives sent ${on}`, async () => {
    const [one, two] = [await startAs(url, 'ada'), await startAs(url, 'ada')]
    const bob = await startAs(url, 'bob', { user: { name: 'Bob' } })
    bob.send({ type: 'send', id: 'first', to: 'ada', body: 'hello', data: { n: [1] } })
    const sent = await bob.next('sent')
    assert.deepEqual([sent['id'], sent['offset']], ['first', 1])
    for (const client of [one, two]) {
      const message = await client.next('message')
      assert.deepEqual(message, {
        type: 'message',
        offset: 1,
        id: 'first',
        from: 'bob',
        to: 'ada',
        sender: { name: 'Bob' },
        body: 'hello',
        data: { n: [1] },
        sentAt: sent['sentAt'],
      })
    }
    const copied = () => bob.frames.find(({ type }) => type === 'message')
    await until('the sender’s own copy', () => copied() !== undefined)
    const copy = copied()
    assert.deepEqual([copy?.['offset'], copy?.['to']], [1, 'ada'])
  })

  test(`a read mark reaches every session of the user, and never goes back ${on}`, async () => {
    for (let n = 0; n < 3; n++) await gateway.publish({ appId: 'app', to: 'reader', body: `${n}` })
    const [one, two] = [await startAs(url, 'reader'), await startAs(url, 'reader')]
    const { epoch, unread } = one.started
    assert.equal(unread, 3)
    one.send({ type: 'read', epoch, offset: 2 })
    for (const client of [one, two])
      assert.deepEqual(await client.next(), { type: 'unread', unread: 1, readOffset: 2 })
    two.send({ type: 'read', epoch, offset: 1 })
    assert.deepEqual(await two.next(), { type: 'unread', unread: 1, readOffset: 2 })
    assert.equal((await refusalOf(one, { type: 'read', epoch: 'other', offset: 3 }))['code'], 'conflict')
  })

  test(`history returns pages before and after an offset ${on}`, async () => {
    for (let n = 1; n <= 120; n++) await gateway.publish({ appId: 'app', to: 'old', id: `${n}`, body: 'x' })
    const client = await startAs(url, 'old')
    const { epoch } = client.started
    const offsets = async (ask: Record<string, unknown>): Promise<unknown[]> => {
      client.send({ type: 'history', id: 'h', epoch, ...ask })
      const { messages } = await client.next('history')
      const found = (messages as Frame[]).map(({ offset }) => offset)
      return [found.length, found[0], found.at(-1)]
    }
    assert.deepEqual(await offsets({}), [50, 71, 120])
    assert.deepEqual(await offsets({ before: 71, limit: 100 }), [70, 1, 70])
    assert.deepEqual(await offsets({ after: 100, limit: 5 }), [5, 101, 105])
    assert.deepEqual(await offsets({ after: 999 }), [0, undefined, undefined])
    for (const wrong of [{ limit: 0 }, { limit: 101 }, { after: 1, before: 5 }])
      assert.equal(
        (await refusalOf(client, { type: 'history', id: 'h', epoch, ...wrong }))['code'],
        'bad-request',
      )
    assert.equal((await refusalOf(client, { type: 'history', id: 'h', epoch: '?' }))['code'], 'conflict')
  })
}

test('a `history` frame reads little more from the engine than fits into it, before and after an offset', async () => {
  let read = 0
  const { url, engine } = await assemble((memory) => ({
    async messagesAfter(...args) {
      const page = await memory.messagesAfter(...args)
      read += page.messages.length
      return page
    },
    async messagesBefore(...args) {
      const page = await memory.messagesBefore(...args)
      read += page.messages.length
      return page
    },
  }))
  const wide = rules({ retention: { messages: 1_000, age: 60_000, bytes: 100_000_000 } })
  for (const [to, size, fitting, most] of [
    ['ada', 16_000, 4, 20],
    ['bob', 100, 100, 102],
    ['eve', 1_500, 40, 45],
  ] as const) {
    for (let n = 1; n <= 150; n++)
      await engine.send({ appId: 'app', id: `${n}`, from: null, to, body: 'x'.repeat(size) }, wide)
    const client = await startAs(url, to)
    const { epoch } = client.started
    for (const [range, first] of [
      [{ after: 10 }, 11],
      [{ before: 141 }, 141 - fitting],
    ] as const) {
      read = 0
      client.send({ type: 'history', id: 'h', epoch, limit: 100, ...range })
      const offsets = ((await client.next('history'))['messages'] as Frame[]).map(({ offset }) => offset)
      assert.deepEqual(
        offsets,
        Array.from({ length: fitting }, (_, index) => first + index),
      )
      assert.ok(read <= most, `${read} messages were read for ${to}`)
    }
    client.close()
  }
})

test('a `history` or `peers` with a long id is refused at once, because its answer would be larger than a frame may be', async () => {
  const { gateway, url } = await startGateway()
  const client = await startAs(url, 'ada')
  const { epoch } = client.started
  const longest = '"'.repeat(255)
  const tooLong = `${longest}x`
  client.send({ type: 'history', id: tooLong, epoch }, { type: 'peers', id: tooLong })
  for (const re of ['history', 'peers']) {
    const { message: _, ...refused } = await client.next()
    assert.deepEqual(refused, { type: 'refused', re, id: tooLong, code: 'too-large', retryable: false })
  }
  for (let n = 1; n <= 4; n++) await gateway.publish({ appId: 'app', to: 'ada', body: '"'.repeat(16_100) })
  const sizes: number[] = []
  client.socket.on('message', (data: Buffer) => sizes.push(data.length))
  client.send({ type: 'history', id: longest, epoch }, { type: 'peers', id: longest })
  assert.equal((await client.next('history'))['id'], longest)
  assert.equal((await client.next('peers'))['id'], longest)
  assert.ok(sizes.every((size) => size <= 65_536))
})

test('the largest message from the sender with the largest profile fits into a frame of 64 kB', async () => {
  const { gateway, url } = await startGateway()
  const ada = await startAs(url, 'ada')
  const bob = { name: '"'.repeat(2_000) }
  const token = await tokenFor('bob', { user: bob })
  const client = await startAs(url, 'bob', { token })
  const sizes: number[] = []
  ada.socket.on('message', (data: Buffer) => sizes.push(data.length))
  client.send({ type: 'send', id: '\u0001'.repeat(64), to: 'ada', body: '\u0001'.repeat(9_040) })
  const message = await ada.next('message')
  assert.deepEqual([message['sender'], (message['body'] as string).length], [bob, 9_040])
  await gateway.publish({ appId: 'app', to: 'ada', body: '"'.repeat(16_384) })
  await ada.next('message')
  assert.ok(
    sizes.every((size) => size <= 65_536),
    String(sizes),
  )
})

test('a send that is no valid message is refused, and the session goes on', async () => {
  const { url } = await startGateway()
  const client = await startAs(url, 'ada')
  const good = { type: 'send', id: 'a', to: 'bob', body: 'hello' }
  const wrong: [Record<string, unknown>, string][] = [
    [{ id: '' }, 'bad-request'],
    [{ id: 'x'.repeat(65) }, 'bad-request'],
    [{ to: '' }, 'bad-request'],
    [{ body: undefined }, 'bad-request'],
    [{ body: 'ä'.repeat(8_193) }, 'too-large'],
    [{ body: '\u0001'.repeat(9_600) }, 'too-large'],
    [{ body: 'x'.repeat(16_000), data: { more: 'x'.repeat(400) } }, 'too-large'],
  ]
  for (const [change, code] of wrong) {
    const { message, ...refusal } = await refusalOf(client, { ...good, ...change })
    assert.equal(typeof message, 'string')
    const { id } = { ...good, ...change }
    assert.deepEqual(refusal, { type: 'refused', re: 'send', id, code, retryable: false })
  }
  const deep = `${'{"d":'.repeat(9_000)}{}${'}'.repeat(9_000)}`
  client.send(`{"type":"send","id":"a","to":"bob","data":${deep}}`)
  assert.equal((await client.next('refused'))['code'], 'bad-request')
  client.send({ ...good, id: '😀'.repeat(64), body: 'x'.repeat(16_384) })
  assert.equal((await client.next('sent'))['offset'], 1)
})

test('sends beyond `messagesPerSecond` of all of a user’s sessions are refused with `retryAfter`', async () => {
  const { url } = await startGateway({ limits: { messagesPerSecond: 1 } })
  const [one, two] = [await startAs(url, 'ada'), await startAs(url, 'ada')]
  one.send({ type: 'send', id: '1', to: 'bob', body: 'x' })
  await one.next('sent')
  const no = await refusalOf(two, { type: 'send', id: '4', to: 'bob', body: 'x' })
  assert.deepEqual([no['code'], no['retryable']], ['rate-limited', true])
  const wait = no['retryAfter'] as number
  assert.ok(wait > 0 && wait <= 1_000, `${wait}`)
  await new Promise((resolve) => setTimeout(resolve, wait + 5))
  two.send({ type: 'send', id: '4', to: 'bob', body: 'x' })
  await two.next('sent')
})

test('the app’s settings decide which users may send to which', async () => {
  const guest = { ...guestStart, userId: 'gus' }
  const message = { type: 'send', id: 'a', to: 'bob', body: 'x' }
  const outcome = async (app: Parameters<typeof startGateway>[0], start: unknown, frame = message) => {
    const { url } = await startGateway(app)
    const client = await startClient(url, start)
    client.send(frame)
    const answer = await client.next()
    client.close()
    return answer.type === 'refused' ? answer['code'] : 'sent'
  }
  const ada = await startOf('ada')
  assert.equal(await outcome({}, guest), 'sent')
  assert.equal(await outcome({ send: 'users' }, guest), 'refused')
  assert.equal(await outcome({ send: 'users' }, ada), 'sent')
  assert.equal(await outcome({ send: 'backend' }, ada), 'refused')
  assert.equal(await outcome({ unknownRecipients: false }, ada), 'unknown-user')
  assert.equal(await outcome({ unknownRecipients: false }, ada, { ...message, to: 'ada' }), 'sent')
  assert.equal(await outcome({ limits: { inboxes: 1 } }, ada), 'unavailable')
  const authorizeSend = ({ from, to }: { from: string; to: string }) => from === 'ada' && to === 'bob'
  assert.equal(await outcome({ authorizeSend }, ada), 'sent')
  assert.equal(await outcome({ authorizeSend }, ada, { ...message, to: 'eve' }), 'refused')
  assert.equal(await outcome({ authorizeSend: () => Promise.reject(new Error()) }, ada), 'unavailable')
})

test('a send that is repeated at the very end of `sendWindow` stores no second message', async () => {
  const { url } = await startGateway({}, { sendWindow: 1 })
  const client = await startAs(url, 'ada')
  const frame = { type: 'send', id: 'a', to: 'bob', body: 'x' }
  client.send(frame)
  const sent = await client.next('sent')
  const over = Number(sent['sentAt']) + Number(client.started['sendWindow'])
  while (Date.now() <= over) await new Promise((resolve) => setTimeout(resolve, over + 1 - Date.now()))
  client.send(frame)
  assert.deepEqual(await client.next('sent'), sent)
})

test('`publish` sends a message of the app’s backend or of a user', async () => {
  const { gateway, url } = await startGateway({ unknownRecipients: false })
  const ada = await startAs(url, 'ada')
  const publication = { appId: 'app', to: 'ada', id: 'news', body: 'hello' }
  const published = await gateway.publish(publication)
  assert.deepEqual(await gateway.publish(publication), published)
  const { from, sender, ...message } = await ada.next('message')
  assert.deepEqual([from, sender], [null, null])
  assert.deepEqual(message, {
    type: 'message',
    id: 'news',
    to: 'ada',
    body: 'hello',
    offset: published.offset,
    sentAt: published.sentAt,
  })
  assert.equal((await gateway.publish({ appId: 'app', from: 'bob', to: 'a new user', data: {} })).offset, 1)
  for (const [change, code] of [
    [{ body: 'other' }, 'conflict'],
    [{ appId: 'none' }, 'unknown-app'],
    [{ from: '' }, 'bad-request'],
    [{ body: undefined }, 'bad-request'],
    [{ body: 'x'.repeat(16_385) }, 'too-large'],
    [{ body: '\u0001'.repeat(9_600) }, 'too-large'],
  ] as const)
    await assert.rejects(gateway.publish({ ...publication, ...change }), { name: 'RestError', code })
  await assert.rejects(gateway.publish({ ...publication, to: '..' }), TypeError)
  assert.equal((await gateway.publish({ appId: 'app', from: 7, to: 8, body: 'x' })).offset, 1)
  assert.equal((await gateway.client('app').getUser({ user: '8' })).user.id, '8')
})

test('publish() to nobody, or in the name of what is no user, rejects, and creates no user called undefined', async () => {
  const { gateway } = await startGateway()
  const wrong = [undefined, NaN, 1.5, {}, null]
  for (const change of [
    ...wrong.map((to) => ({ to })),
    ...[...wrong.slice(1), true].map((from) => ({ from })),
  ])
    await assert.rejects(
      gateway.publish({ appId: 'app', to: 'bob', body: 'x', ...change } as Parameters<
        typeof gateway.publish
      >[0]),
    )
  assert.deepEqual((await gateway.client('app').listUsers()).users, [])
})

test('one sender’s flood leaves another sender’s unread message in the inbox, and is refused', async () => {
  const { gateway, url } = await startGateway({
    limits: { messagesPerSecond: 1_000_000 },
    retention: { messages: 20 },
  })
  const [ada, cy] = [await startAs(url, 'ada'), await startAs(url, 'cy')]
  cy.send({ type: 'send', id: 'kept', to: 'bob', body: 'unread' })
  await cy.next('sent')
  for (let n = 0; n < 19; n++) {
    ada.send({ type: 'send', id: `${n}`, to: 'bob', body: 'x' })
    await ada.next('sent')
  }
  for (const id of ['a', 'b']) {
    const { code, retryable, message } = await refusalOf(ada, { type: 'send', id, to: 'bob', body: 'x' })
    assert.deepEqual([code, retryable], ['refused', false])
    assert.match(String(message), /unreadPerSender/)
  }
  // The limit does not hold for the backend, even if it sends in a user's name.
  await gateway.publish({ appId: 'app', from: 'dora', to: 'ada', body: 'x' })
  const bob = await startAs(url, 'bob')
  bob.send({ type: 'history', id: 'all', epoch: bob.started['epoch'] })
  const { messages } = await bob.next('history')
  assert.deepEqual((messages as Frame[])[0]?.['id'], 'kept')
})

test('a message over one sender’s share of the app’s storage is refused', async () => {
  const { url } = await startGateway({ limits: { bytes: 1_000_000 } })
  const client = await startAs(url, 'ada')
  const body = 'x'.repeat(15_000)
  let answer: Frame
  for (let id = 0; ; id++) {
    client.send({ type: 'send', id: `${id}`, to: `user ${id}`, body })
    do answer = await client.next()
    while (answer.type === 'message')
    if (answer.type === 'refused') break
  }
  assert.deepEqual([answer['code'], answer['retryable']], ['refused', false])
  assert.match(String(answer['message']), /share of the app's storage/)
})
