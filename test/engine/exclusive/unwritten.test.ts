import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Engine } from '../../../src/engine/engine.js'
import { credential, request, saveGuest, startSession, vouch } from '../../../src/engine/suite/kit.js'
import { MemoryStore } from '../../../src/engine/memory/memory-store.js'
import { adopt } from '../../support/engine/calls.js'
import { engineOn, rules, withStore } from '../../support/engine/stores.js'

const appId = 'app'
const ada = { appId, userId: 'ada' }
const guest = { appId, userId: 'guest:1' }
const message = { appId, id: '1', from: null, to: 'bob', body: 'Hello' }

/** An engine whose batches wait while they are held. */
const onHeldStore = async () => {
  const memory = new MemoryStore()
  let held: Promise<void> = Promise.resolve()
  let release: () => void = () => undefined
  const store = withStore(memory, {
    batch: async (operations) => {
      await held
      await memory.batch(operations)
    },
  })
  const hold = (): void => {
    held = new Promise((resolve) => (release = resolve))
  }
  return { engine: await engineOn(store), hold, release: () => release() }
}

interface Case {
  before?: (engine: Engine) => Promise<unknown>
  first: (engine: Engine) => Promise<unknown>
  second: (engine: Engine) => Promise<unknown>
  expected: unknown
}

/** In each of them the answer to the second call follows from what the first one is writing. */
const cases: Record<string, Case> = {
  'a save that changes nothing': {
    first: (engine) => engine.saveUser(ada, { vouched: vouch({ name: 'Ada' }) }),
    second: async (engine) => (await engine.saveUser(ada, {})).created,
    expected: false,
  },
  'a save that adds to another': {
    first: (engine) => engine.saveUser(ada, { claimed: { name: 'Ada' } }),
    second: async (engine) =>
      (await engine.saveUser(ada, { claimed: { photoUrl: 'https://a.example/' } })).user.claimed,
    expected: { name: 'Ada', photoUrl: 'https://a.example/' },
  },
  'an admission that is refused': {
    first: (engine) => engine.saveUser(ada, {}),
    second: (engine) =>
      engine.admitUser(ada, {}, { credential: credential(), maxGuests: null, mustBeNew: true }),
    expected: 'exists',
  },
  'a retry of a message': {
    first: (engine) => engine.send(message, rules),
    second: async (engine) => (await engine.send(message, rules)).outcome,
    expected: 'repeated',
  },
  'a message to a guest who is being deleted': {
    before: async (engine) => {
      await saveGuest(engine, guest)
      await startSession(engine, request(guest, { guest: true }))
    },
    first: async (engine) => {
      for (const session of await engine.sessions(guest)) await engine.endSession(session, 'ended')
    },
    second: async (engine) => {
      // By then the session has ended.
      await engine.sessions(guest)
      return (await engine.send({ ...message, to: guest.userId }, rules)).outcome
    },
    expected: 'unknown-user',
  },
  'the adoption of an adopted guest': {
    before: async (engine) => {
      await engine.saveUser(ada, {})
      await saveGuest(engine, guest)
    },
    first: (engine) => adopt(engine, ada, guest.userId),
    second: (engine) => adopt(engine, ada, guest.userId),
    expected: { guest: guest.userId, messages: 0 },
  },
}

void describe('an answer that follows from what another call is writing', () => {
  for (const [what, { before, first, second, expected }] of Object.entries(cases))
    void it(`waits until that is written: ${what}`, async () => {
      const { engine, hold, release } = await onHeldStore()
      await before?.(engine)
      hold()
      let isAnswered = false
      const written = first(engine)
      const answer = second(engine).finally(() => (isAnswered = true))
      for (let turn = 0; turn < 5; turn++) await nextTurn()
      assert.equal(isAnswered, false)
      release()
      await written
      assert.deepEqual(await answer, expected)
      await engine.close()
    })
})
