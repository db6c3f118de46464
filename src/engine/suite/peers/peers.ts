import assert from 'node:assert/strict'
import type { Engine, UserRef } from '../../engine.js'
import { ada, app, bob, deliver, saveGuest, rules, credential, until, type SuiteContext } from '../kit.js'

const cy: UserRef = { appId: app, userId: 'cy' }
const hour = 3_600_000

/** Returns for each peer `received`, `sent`, `both` or `none`. */
const exchanged = async (engine: Engine, of: UserRef, peers: (string | null)[]): Promise<string[]> =>
  (await engine.exchanges(of, peers)).map(({ received, sent }) =>
    received ? (sent ? 'both' : 'received') : sent ? 'sent' : 'none',
  )

/** A part of the suite: the peers of an inbox. */
export const peersSuite = ({ describe, on }: SuiteContext): void => {
  describe('the peers of an inbox', () => {
    on('are found whatever their ids are', async (engine) => {
      const ids = ['a"b', 'a\\', '\\"', 'é/ü', '{"id":"x"}', '","to":"ada', '😀', 'null', '0', '__proto__']
      for (const id of ids) {
        await deliver(engine, { id: `","from":"${id}\\`.slice(0, 60), from: 'bob', to: id })
        await deliver(engine, { from: id, to: 'cy' })
      }
      assert.deepEqual(await exchanged(engine, bob, [...ids, null]), [...ids.map(() => 'sent'), 'none'])
      assert.deepEqual(await exchanged(engine, cy, [...ids, null]), [...ids.map(() => 'received'), 'none'])
      for (const userId of ids)
        assert.deepEqual(await exchanged(engine, { appId: app, userId }, ['bob', 'cy', userId]), [
          ...['received', 'sent', 'none'],
        ])
    })

    on('are found in an inbox of many messages', async (engine) => {
      const [count, kept] = [1_250, 1_200]
      const retention = { messages: kept, age: hour, bytes: 1e9 }
      const quota = { inboxes: 2 * count, bytes: 1e9 }
      const sends = Array.from({ length: count }, (_, n) =>
        deliver(engine, { from: `peer ${n}` }, { retention, quota }),
      )
      // Messages come while the inbox is read.
      const asked = exchanged(engine, bob, ['nobody'])
      await Promise.all(sends)
      assert.deepEqual(await asked, ['none'])
      const { epoch, offset } = await engine.inbox(bob)
      const { messages } = await engine.messagesAfter(bob, { epoch, offset: offset - kept }, count)
      const senders = new Set(messages.map(({ from }) => from))
      const peers = Array.from({ length: count }, (_, n) => `peer ${n}`)
      assert.deepEqual(
        await exchanged(engine, bob, peers),
        peers.map((peer) => (senders.has(peer) ? 'received' : 'none')),
      )
    })

    on('become the user’s when a guest is adopted', async (engine) => {
      const guest = { appId: app, userId: 'guest:~visitor' }
      const saved = (await saveGuest(engine, guest)) ?? assert.fail('the guest is saved')
      const { user } = await engine.saveUser(ada, {})
      await deliver(engine, { from: guest.userId, to: 'bob' }, { unknownSenders: false })
      await deliver(engine, { from: null, to: guest.userId })
      assert.deepEqual(await exchanged(engine, guest, ['bob', null]), ['sent', 'received'])
      const proof = { credential: credential(), createdAt: saved.user.createdAt }
      const { retention } = rules()
      const request = { ...ada, userCreatedAt: user.createdAt, guestId: guest.userId, proof, retention }
      assert.ok(await engine.adoptGuest(request))
      await until('the messages have moved', async () => (await engine.inbox(ada)).offset === 2)
      assert.deepEqual(await exchanged(engine, ada, ['bob', null]), ['sent', 'received'])
      assert.deepEqual(await exchanged(engine, guest, ['bob', null]), ['none', 'none'])
      assert.deepEqual(await exchanged(engine, bob, [guest.userId, 'ada']), ['received', 'none'])
    })
  })
}
