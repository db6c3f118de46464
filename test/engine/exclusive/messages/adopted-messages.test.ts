import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Adoption, Engine } from '../../../../src/engine/engine.js'
import { MemoryStore } from '../../../../src/engine/memory/memory-store.js'
import { rows } from '../../../../src/engine/exclusive/store/rows.js'
import { saveGuest } from '../../../../src/engine/suite/kit.js'
import { adopt } from '../../../support/engine/calls.js'
import { engineOn, rules, withStore } from '../../../support/engine/stores.js'

const appId = 'app'
const ada = { appId, userId: 'ada' }
const guest = { appId, userId: 'guest:gen' }

interface HeldMove {
  engine: Engine
  adopting: Promise<Adoption | null>
  release: () => void
  /** Called before a batch with the guest's revocation is written. */
  onRevoked: (listener: (count: number) => Promise<void>) => void
}

/** Ada adopts a guest with one message. The move has begun to read that message, and goes on after `release`. */
const withHeldMove = async (): Promise<HeldMove> => {
  const memory = new MemoryStore()
  let [reached, release] = [(): void => undefined, (): void => undefined]
  const isReached = new Promise<void>((resolve) => (reached = resolve))
  const isReleased = new Promise<void>((resolve) => (release = resolve))
  let onRevoked: (count: number) => Promise<void> = () => Promise.resolve()
  let revoked = 0
  const store = withStore(memory, {
    iterator: (range) => {
      const read = memory.iterator(range)
      if (!range.gte.startsWith(rows.messagePrefix(guest))) return read
      reached()
      return { all: () => isReleased.then(() => read.all()) }
    },
    batch: async (operations) => {
      if (operations.some(({ key }) => key === rows.revokedUser(guest))) await onRevoked(++revoked)
      await memory.batch(operations)
    },
  })
  const engine = await engineOn(store)
  await engine.saveUser(ada, {})
  await saveGuest(engine, guest)
  await engine.send({ appId, id: '1', from: null, to: guest.userId, body: 'Hello' }, rules)
  const adopting = adopt(engine, ada, guest.userId)
  await isReached
  return { engine, adopting, release, onRevoked: (listener) => (onRevoked = listener) }
}

void describe('the messages of an adopted guest', () => {
  void it('are not moved any more once the guest is deleted', async () => {
    const { engine, adopting, release } = await withHeldMove()
    assert.equal(await engine.deleteUser(guest), true)
    release()
    await adopting
    assert.equal((await engine.inbox(ada)).offset, 0)
    assert.equal((await engine.usage(appId)).inboxes, 0)
    await engine.close()
  })

  void it('are counted once if the last of them moves while the deletion of the guest waits', async () => {
    const { engine, adopting, release, onRevoked } = await withHeldMove()
    const others: Promise<unknown>[] = []
    onRevoked(async (count) => {
      // The deletion begins with a revocation. It waits for the last of two others, while the message moves.
      if (count < 3) others.push(engine.revokeUser(guest, { issuedBefore: null, mode: 'end' }))
      if (count !== 3) return
      await nextTurn()
      release()
      await nextTurn()
    })
    await engine.deleteUser(guest)
    await Promise.all([adopting, ...others])
    assert.equal((await engine.inbox(ada)).offset, 1)
    assert.equal((await engine.usage(appId)).inboxes, 1)
    await engine.close()
  })
})
