import assert from 'node:assert/strict'
import type { Admission, Engine, UserRef } from '../../engine.js'
import {
  ada,
  advanceClock,
  app,
  bob,
  bodies,
  credential,
  newMessage,
  request,
  rules,
  saveGuest,
  until,
  vouch,
  type SuiteContext,
} from '../kit.js'
import { ask, pendingOf, typesOf } from '../webhook-kit.js'

const guest: UserRef = { appId: app, userId: 'guest:1' }

const admission = (more: Partial<Admission> = {}): Admission => ({
  credential: credential(),
  maxGuests: null,
  mustBeNew: false,
  ...more,
})

/** Asserts that a user who does not exist has left nothing, and that lists and counts agree. */
const assertWhole = async (engine: Engine, of: UserRef): Promise<void> => {
  const user = await engine.user(of)
  const listed = (await engine.users(app, null, 100)).map(({ userId }) => userId)
  assert.equal(listed.includes(of.userId), user !== null)
  const { users, guests } = await engine.usage(app)
  assert.equal(users, listed.length)
  assert.equal(guests, listed.filter((userId) => userId.startsWith('guest:')).length)
  if (user) return
  const { sessions, lastSeenAt, unread } = await engine.status(of)
  assert.deepEqual({ sessions, lastSeenAt, unread }, { sessions: 0, lastSeenAt: null, unread: 0 })
  assert.deepEqual(await bodies(engine, of), [])
}

/** Lets other work run for this many turns of the event loop. */
const turns = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve))
}

/** A part of the suite: deleted users stay deleted, unless a later start or save creates the user completely. */
export const admittingSuite = ({ describe, on }: SuiteContext): void => {
  describe('the user of a start', () => {
    on('is saved as other users are', async (engine) => {
      const vouched = vouch({ name: 'Ada' })
      const saved = await engine.admitUser(ada, { vouched }, admission())
      assert.ok(typeof saved === 'object' && saved.created)
      assert.deepEqual((await engine.user(ada))?.vouched, { name: 'Ada' })
      const again = await engine.admitUser(ada, { vouched }, admission())
      assert.ok(typeof again === 'object' && !again.created && !again.changed)
    })

    on('is not saved if the credential is revoked, for a guest or another user', async (engine) => {
      for (const [of, maxGuests] of [
        [ada, null],
        [guest, 10],
      ] as const) {
        const old = credential()
        await engine.revokeUser(of, { issuedBefore: null, mode: 'end' })
        assert.equal(await engine.admitUser(of, {}, admission({ credential: old, maxGuests })), 'revoked')
        const unknown = { ...credential(), issuedAt: null }
        assert.equal(await engine.admitUser(of, {}, admission({ credential: unknown, maxGuests })), 'revoked')
        await assertWhole(engine, of)
        assert.equal(await engine.user(of), null)
      }
      const old = { ...credential(), issuedAt: Date.now() }
      await engine.revokeApp(app, { issuedBefore: null, mode: 'end' })
      assert.equal(await engine.admitUser(bob, {}, admission({ credential: old })), 'revoked')
      const later = { ...credential(), issuedAt: Date.now() + 10_000 }
      await engine.revokeToken(app, later.tokenId ?? '')
      assert.equal(await engine.admitUser(bob, {}, admission({ credential: later })), 'revoked')
      assert.equal(await engine.user(bob), null)
    })

    on('is not saved over another user, if the user must be new', async (engine) => {
      const first = await engine.admitUser(guest, {}, admission({ maxGuests: 1, mustBeNew: true }))
      assert.ok(typeof first === 'object' && first.created)
      const refused = await engine.admitUser(
        guest,
        { claimed: { name: 'Eve' } },
        admission({ maxGuests: 1, mustBeNew: true }),
      )
      assert.equal(refused, 'exists')
      assert.deepEqual((await engine.user(guest))?.claimed, {})
    })

    on('is not saved or changed, and gets no session, if the user was deleted meanwhile', async (engine) => {
      const first = await saveGuest(engine, guest)
      assert.ok(first)
      const { createdAt } = first.user
      await until('a millisecond is over', () => Promise.resolve(Date.now() > createdAt))
      await engine.deleteUser(guest)
      const later = { ...credential(), issuedAt: Date.now() + 10_000 }
      const admitted = await engine.admitUser(
        guest,
        {},
        admission({ credential: later, maxGuests: 10, createdAt }),
      )
      assert.equal(admitted, 'gone')
      const asked = request(guest, { guest: true, credential: later, userCreatedAt: createdAt })
      assert.equal(await engine.startSession(asked), null)
      assert.equal(await engine.changeUser(guest, { claimed: { name: 'Back' } }), null)
      const sent = await engine.send(newMessage({ from: guest.userId }), rules({ unknownSenders: false }))
      assert.deepEqual(sent, { outcome: 'unknown-user' })
      await assertWhole(engine, guest)
      assert.equal(await engine.user(guest), null)
      // A later guest with the same id is another guest.
      await engine.admitUser(guest, {}, admission({ credential: later, maxGuests: 10 }))
      assert.equal(await engine.startSession({ ...asked, connectionId: 'another', keyHash: 'x' }), null)
      assert.deepEqual(await engine.sessions(guest), [])
    })

    on('is changed only if the user exists, with an event for a change', async (engine) => {
      await ask(engine, ['user.created', 'user.updated'])
      assert.equal(await engine.changeUser(ada, { claimed: { name: 'Ada' } }), null)
      await engine.saveUser(ada, {})
      const changed = await engine.changeUser(ada, { claimed: { name: 'Ada' } })
      assert.ok(changed?.changed && !changed.created)
      assert.deepEqual(typesOf(await pendingOf(engine, ada)), ['user.created', 'user.updated'])
    })

    on('is whole or gone, however a start, a message and a deletion meet', async (engine) => {
      for (let round = 0; round < 60; round++) {
        const of = { appId: app, userId: round % 2 === 0 ? `guest:${round}` : `user ${round}` }
        const isGuest = round % 2 === 0
        const maxGuests = isGuest ? 100 : null
        const asked = request(of, { guest: isGuest })
        const { connectionId } = asked
        const start = async (): Promise<void> => {
          const saved = await engine.admitUser(
            of,
            { claimed: { name: 'Back' } },
            admission({ credential: asked.credential, maxGuests }),
          )
          if (typeof saved !== 'object') return
          await turns(round % 3)
          const userCreatedAt = saved.user.createdAt
          const session = await engine.startSession({ ...asked, userCreatedAt })
          if (!session) return
          await engine.changeUser(of, { claimed: { name: `${round}` } })
          await engine.send(newMessage({ from: of.userId }), rules({ unknownSenders: false }))
          await engine.endSession(session, 'ended', connectionId)
        }
        const refused = async (): Promise<void> => {
          await turns(round % 4)
          await engine.admitUser(
            of,
            {},
            admission({ credential: asked.credential, maxGuests, mustBeNew: true }),
          )
        }
        const remove = async (): Promise<void> => {
          await turns(round % 7)
          await engine.deleteUser(of)
        }
        await Promise.all([start(), refused(), remove()])
        assert.deepEqual(await engine.sessions(of), [])
        // The start's credential was issued before the deletion, so no start may bring the user back.
        assert.equal(await engine.user(of), null, `round ${round}`)
        await assertWhole(engine, of)
      }
      advanceClock(31_000)
    })
  })
}
