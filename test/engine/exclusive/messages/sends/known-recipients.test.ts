import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SendResult } from '../../../../../src/engine/engine.js'
import { MemoryStore } from '../../../../../src/engine/memory/memory-store.js'
import { rows } from '../../../../../src/engine/exclusive/store/rows.js'
import { request, saveGuest, startSession, until } from '../../../../../src/engine/suite/kit.js'
import { adopt } from '../../../../support/engine/calls.js'
import { engineOn, rules, withStore } from '../../../../support/engine/stores.js'

const appId = 'app'
const ada = { appId, userId: 'ada' }
const endAll = { issuedBefore: null, mode: 'end' } as const

void describe('a recipient who has an inbox', () => {
  void it('gets the next inbox while the deletion of the user is being written', async () => {
    const memory = new MemoryStore()
    let [reached, release] = [(): void => undefined, (): void => undefined]
    const isReached = new Promise<void>((resolve) => (reached = resolve))
    const isReleased = new Promise<void>((resolve) => (release = resolve))
    const store = withStore(memory, {
      batch: async (operations) => {
        if (operations.some(({ type, key }) => type === 'del' && key === rows.user(ada))) {
          reached()
          await isReleased
        }
        await memory.batch(operations)
      },
    })
    const engine = await engineOn(store)
    const send = (id: string): Promise<SendResult> =>
      engine.send({ appId, id, from: null, to: 'ada', body: 'Hello' }, rules)
    await send('before')
    const deleted = engine.deleteUser(ada)
    await isReached
    const sent = send('meanwhile')
    release()
    assert.equal(await deleted, true)
    assert.equal((await sent).outcome, 'stored')
    assert.ok(await engine.user(ada))
    const { messages } = await engine.messagesAfter(ada, { epoch: '', offset: 0 }, 10)
    assert.deepEqual(
      messages.map(({ id }) => id),
      ['meanwhile'],
    )
    await engine.close()
  })

  void it('is unknown if it is a guest without messages whose deletion is not written yet', async () => {
    const memory = new MemoryStore()
    const guest = { appId, userId: 'guest:gen' }
    let sent: Promise<SendResult> | undefined
    const store = withStore(memory, {
      batch: async (operations) => {
        if (!sent && operations.some(({ key }) => key === rows.revokedUser(guest))) {
          await engine.endSession(session, 'ended')
          sent = send('meanwhile')
        }
        await memory.batch(operations)
      },
    })
    const engine = await engineOn(store)
    const retention = { ...rules.retention, age: 1 }
    const send = (id: string): Promise<SendResult> =>
      engine.send({ appId, id, from: null, to: guest.userId, body: 'Hello' }, { ...rules, retention })
    await saveGuest(engine, guest)
    const session = await startSession(engine, request(guest, { guest: true }))
    const { epoch } = await engine.inbox(guest)
    await send('before')
    await until('retention has deleted the message', async () => {
      return (await engine.messagesAfter(guest, { epoch, offset: 0 }, 1)).messages.length === 0
    })
    await engine.revokeUser(guest, endAll)
    assert.deepEqual(await sent, { outcome: 'unknown-user' })
    await engine.close()
  })

  void it('is the user who has adopted the guest, while messages of the guest still move', async () => {
    const engine = await engineOn(new MemoryStore())
    const guest = { appId, userId: 'guest:gen' }
    await engine.saveUser(ada, {})
    await saveGuest(engine, guest)
    const retention = { ...rules.retention, messages: 10_000 }
    const send = (id: string): Promise<SendResult> =>
      engine.send({ appId, id, from: null, to: guest.userId, body: 'Hello' }, { ...rules, retention })
    const count = 2_000
    await Promise.all(Array.from({ length: count }, (_, n) => send(`${n}`)))
    await adopt(engine, ada, guest.userId, { retention })
    const [sent, { offset }] = await Promise.all([send('later'), engine.inbox(ada)])
    assert.ok(offset < count, 'The guest has messages that have not moved yet.')
    assert.deepEqual(sent.outcome === 'stored' && sent.offset, offset + 1)
    await engine.close()
  })
})
