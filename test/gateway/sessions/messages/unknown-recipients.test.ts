import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startAs } from '../../../support/raw-client.js'
import { field, onBothEngines, restOf, statusAndCode } from '../../../support/rest/rest-calls.js'

const limits = { inboxes: 4 }

for (const { url, on } of await onBothEngines({ unknownRecipients: true, limits })) {
  const rest = restOf(url)
  const userIds = async (): Promise<unknown[]> =>
    (field(await rest('GET', '/users'), 'users') as { id: string }[]).map(({ id }) => id).toSorted()

  test(`a client's message creates a recipient who never came, and a full app creates nobody ${on}`, async () => {
    const ada = await startAs(url, 'ada')
    ada.send({ type: 'send', id: '1', to: 'newbie', body: 'Welcome' })
    await ada.next('sent')

    assert.equal(field(await rest('GET', '/users/newbie'), 'inbox', 'unread'), 1)
    assert.equal(field(await rest('GET', '/users/newbie/messages'), 'messages', 0, 'body'), 'Welcome')
    assert.equal(field(await rest('POST', '/users:status', { users: ['newbie'] }), 'users', 0, 'unread'), 1)
    assert.deepEqual(await userIds(), ['ada', 'newbie'])
    assert.equal(field(await rest('GET', '/usage'), 'users'), 2)

    for (const to of ['guest:nobody', 'guest:~nobody']) {
      ada.send({ type: 'send', id: to, to, body: 'x' })
      assert.equal((await ada.next('refused'))['code'], 'unknown-user')
    }
    for (const name of ['third', 'fourth'])
      assert.equal((await rest('POST', `/users/${name}/messages`, { body: 'x' })).status, 201)
    ada.send({ type: 'send', id: '2', to: 'fifth', body: 'x' })
    assert.equal((await ada.next('refused'))['code'], 'unavailable')
    const full = await rest('POST', '/users/sixth/messages', { from: 'seventh', body: 'x' })
    assert.deepEqual(statusAndCode(full), [503, 'unavailable'])
    assert.deepEqual(await userIds(), ['ada', 'fourth', 'newbie', 'third'])
  })
}
