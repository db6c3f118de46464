// A user adopts a guest at a start, or the app's backend lets the user do so.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createToken } from '../../../../src/tokens/index.js'
import { startGateway } from '../../../support/gateway.js'
import { openClient, startClient, type Client, type Frame, startAs } from '../../../support/raw-client.js'
import { field, onBothEngines, restOf, statusAndCode, type Rest } from '../../../support/rest/rest-calls.js'
import { guestStart, startOf } from '../../../support/starts.js'
import { appId, secret } from '../../../support/tokens.js'

interface Guest extends Client {
  started: Frame
  id: string
  token: string
}

const guestAt = async (url: string): Promise<Guest> => {
  const client = await startClient(url, guestStart)
  const { id } = client.started['user'] as { id: string }
  return { ...client, id, token: client.started['token'] as string }
}

/** Starts a session of the user, and returns what `started` says of the adoption. */
const adopt = async (url: string, user: string, token: string): Promise<unknown> => {
  const client = await startAs(url, user, { adopt: token })
  client.close()
  return client.started['adopted']
}

/** Whom each message of a user's inbox is from and to, with its text. */
const messagesOf = async (rest: Rest, user: string): Promise<unknown[]> => {
  const messages = field(await rest('GET', `/users/${user}/messages`), 'messages') as Frame[]
  return messages.map(({ from, to, body, adopted }) => [from, to, body, adopted])
}

for (const { url, gateway, on } of await onBothEngines({ adoption: 'client', unknownRecipients: true })) {
  const rest = restOf(url)
  const publish = (to: string, body: string) => gateway.publish({ appId, to, body })

  test(`\`started\` says that a guest was adopted, and the inbox has the guest's messages ${on}`, async () => {
    const guest = await guestAt(url)
    guest.send({ type: 'send', id: 'q', to: 'shop', body: 'a question' })
    await guest.next('sent')
    const ada = await startAs(url, 'ada', { adopt: guest.token })
    assert.deepEqual(ada.started['adopted'], { guest: guest.id, messages: 1 })
    assert.ok((ada.started['can'] as string[]).includes('adopt'))
    const { frame, code } = await guest.end()
    assert.deepEqual([code, frame['code']], [4409, 'replaced'])
    assert.deepEqual(await messagesOf(rest, 'ada'), [['ada', 'shop', 'a question', true]])
    assert.deepEqual(await messagesOf(rest, 'shop'), [[guest.id, 'shop', 'a question', undefined]])
    const { status } = await publish(guest.id, 'an answer').then(
      () => ({ status: 'stored' }),
      (error: unknown) => ({ status: String(error) }),
    )
    assert.equal(status, 'stored')
    const answer = await ada.next('message')
    assert.deepEqual([answer['to'], answer['body'], answer['adopted']], ['ada', 'an answer', undefined])
    assert.deepEqual(await adopt(url, 'ada', guest.token), { guest: guest.id, messages: 1 })
    assert.equal(await adopt(url, 'bea', guest.token), null)
    // The guest's token begins a new guest.
    const next = await startClient(url, { type: 'start', appId, token: guest.token })
    assert.notEqual((next.started['user'] as { id: string }).id, guest.id)
  })

  test(`messages that move reach the user's other pages ${on}`, async () => {
    const other = await startAs(url, 'cleo')
    const guest = await guestAt(url)
    await publish(guest.id, 'for the guest')
    assert.deepEqual(await adopt(url, 'cleo', guest.token), { guest: guest.id, messages: 1 })
    const moved = await other.next('message')
    assert.deepEqual([moved['to'], moved['body'], moved['adopted']], ['cleo', 'for the guest', true])
  })

  test(`a start goes on when there is nothing to adopt ${on}`, async () => {
    const guest = await guestAt(url)
    const named = await startClient(url, { ...guestStart, userId: 'named' })
    const user = await createToken({ appId, userId: 'dan', secret })
    for (const token of ['', 'x', 'a.b.c', user, named.started['token'] as string])
      assert.equal(await adopt(url, 'dan', token), null)
    const other = await startClient(url, { ...guestStart, adopt: guest.token })
    assert.equal(other.started['adopted'], null, 'no guest adopts a guest')
    await rest('DELETE', `/users/${guest.id}/sessions`)
    assert.equal(await adopt(url, 'dan', guest.token), null, 'the token is revoked')
    const plain = await startAs(url, 'dan')
    assert.ok(!('adopted' in plain.started))
    const wrong = openClient(url, { start: await startOf('dan', { adopt: 1 }) })
    assert.equal((await wrong.end()).code, 4400)
  })

  test(`the backend lets a user adopt a guest, and creates the user ${on}`, async () => {
    const guest = await guestAt(url)
    await publish(guest.id, 'Hello')
    const adopted = { guest: guest.id, messages: 1 }
    for (let n = 0; n < 2; n++) {
      const answer = await rest('POST', '/users/eve/adopt', { guest: guest.id })
      assert.deepEqual([answer.status, answer.body], [200, { adopted }])
    }
    assert.equal((await guest.end()).code, 4409)
    assert.deepEqual(await messagesOf(rest, 'eve'), [[null, 'eve', 'Hello', true]])
    assert.equal((await rest('GET', `/users/${guest.id}`)).status, 404)
    for (const [user, id] of [
      ['bob', guest.id],
      ['nobody', 'guest:~unknown'],
      ['nobody2', 'eve'],
      [guest.id, guest.id],
    ])
      assert.deepEqual((await rest('POST', `/users/${user}/adopt`, { guest: id })).body, { adopted: null })
    assert.equal((await rest('GET', '/users/nobody2')).status, 404)
    assert.deepEqual(statusAndCode(await rest('POST', '/users/eve/adopt', {})), [400, 'bad-request'])
  })
}

test("a guest's token of another app adopts nothing", async () => {
  const [here, there] = [await startGateway(), await startGateway()]
  const guest = await guestAt(there.url)
  assert.equal(await adopt(here.url, 'ada', guest.token), null)
})

for (const [adoption, byClient, byBackend] of [
  ['backend', false, true],
  ['nobody', false, false],
] as const)
  test(`with \`adoption: '${adoption}'\` a client adopts no guest, and the backend ${byBackend ? 'does' : 'does not'}`, async () => {
    const { url } = await startGateway({ adoption })
    const guest = await guestAt(url)
    assert.equal((await adopt(url, 'ada', guest.token)) !== null, byClient)
    const answer = await restOf(url)('POST', '/users/ada/adopt', { guest: guest.id })
    assert.equal(field(answer, 'adopted') !== null, byBackend)
  })
