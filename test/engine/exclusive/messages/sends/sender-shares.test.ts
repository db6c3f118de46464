import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MemoryStore } from '../../../../../src/engine/memory/memory-store.js'
import { Inbox } from '../../../../../src/engine/exclusive/messages/inbox.js'
import { messageRowOf, type StoredMessage } from '../../../../../src/engine/exclusive/messages/inbox-row.js'
import type { UserRow } from '../../../../../src/engine/exclusive/sessions/revocations.js'
import type { Engine } from '../../../../../src/engine/engine.js'
import { rows } from '../../../../../src/engine/exclusive/store/rows.js'
import { read, readAll, type Store } from '../../../../../src/engine/exclusive/store/store.js'
import { until } from '../../../../../src/engine/suite/kit.js'
import { createPowerCutStore, engineOn, rules, withStore } from '../../../../support/engine/stores.js'

const appId = 'app'
const users = ['ada', 'bob', 'cyd', 'dan', '__proto__']
/** Memory for two inboxes. */
const cacheBytes = 1_000
const few = { ...rules, retention: { ...rules.retention, messages: 7 } }

const user = fc.constantFrom(...users)
const send = fc.record({ from: fc.option(user), to: user, size: fc.integer({ min: 1, max: 50 }) })
/** What happens in one task, and shares a batch: messages, or the deletion of a user. */
const step = fc.oneof(
  { weight: 30, arbitrary: fc.array(send, { minLength: 1, maxLength: 20 }) },
  { weight: 1, arbitrary: user },
)

const run = async (
  engine: Engine,
  steps: readonly (string | { from: string | null; to: string; size: number }[])[],
): Promise<void> => {
  let id = 0
  const name = Math.random()
  for (const each of steps) {
    if (typeof each === 'string') await engine.deleteUser({ appId, userId: each })
    else
      await Promise.all(
        each.map(({ size, ...message }) =>
          engine.send({ appId, id: `${name} ${id++}`, ...message, body: 'x'.repeat(size) }, few),
        ),
      )
  }
}

const deletionsOf = (store: Store, userId: string): number =>
  (read(store, rows.revokedUser({ appId, userId })) as UserRow | undefined)?.deletions ?? 0

/** Returns the bytes of each sender's stored messages in the inboxes of others, the deleted ones too. */
const heldIn = async (store: Store): Promise<Map<string, number>> => {
  const held = new Map<string, number>()
  for (const userId of users)
    for (let deletions = deletionsOf(store, userId); deletions >= 0; deletions--) {
      const ref = { appId, userId, ...(deletions > 0 && { deletions }) }
      for (const [key, stored] of await readAll<StoredMessage>(store, rows.messages(ref, 0, 1e9))) {
        const { message, size } = messageRowOf(rows.offsetOf(key), stored)
        if (message.from !== null && message.from !== userId)
          held.set(message.from, (held.get(message.from) ?? 0) + size)
      }
    }
  return held
}

void describe("the bytes of a sender's messages in the inboxes of others", () => {
  void it('are counted exactly through deletions, evictions and a power cut', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.array(step, { maxLength: 30 }),
        async (before, after) => {
          const { store, kept } = createPowerCutStore()
          const engine = await engineOn(store, { cacheBytes })
          await run(engine, before)
          const again = await engineOn(kept, { cacheBytes })
          await run(again, after)
          await again.check()
          const held = await heldIn(kept)
          for (const userId of users) {
            const deletions = deletionsOf(kept, userId)
            const { sent } = new Inbox({ appId, userId }, deletions, '', kept, false)
            const bytes = held.get(userId) ?? 0
            // A user who was deleted begins again at nothing, though earlier messages may be kept.
            if (deletions === 0) assert.equal(sent, bytes)
            else assert.ok(sent <= bytes, `${sent} of ${bytes} bytes`)
          }
          await Promise.all([engine.close(), again.close()])
        },
      ),
      { numRuns: 60 },
    ))

  void it('are given back without a read of each deleted message', async () => {
    const { store, batches } = createPowerCutStore()
    const reads: string[] = []
    const engine = await engineOn({ ...store, getSync: (key) => (reads.push(key), store.getSync(key)) })
    const pair = ['ada', 'bob']
    for (let n = 0; n < 640; n++) {
      const [from = '', to = ''] = n % 3 === 0 ? pair.toReversed() : pair
      await engine.send({ appId, id: `${n}`, from, to, body: 'x' }, few)
    }
    const deleted = batches
      .flatMap(({ operations }) => operations)
      .filter(({ type, key }) => type === 'del' && key.startsWith('message\0'))
    assert.ok(deleted.length >= 2 * 512, `${deleted.length} were deleted`)
    const messagesRead = reads.filter((key) => key.startsWith('message\0')).length
    assert.ok(messagesRead * 16 < deleted.length, `${messagesRead} of ${deleted.length} were read`)
    await engine.close()
  })

  void it('are given back once if the process ends while it deletes the messages of a deleted user', async () => {
    const memory = new MemoryStore()
    const [ada, bob] = [
      { appId, userId: 'ada' },
      { appId, userId: 'bob' },
    ]
    let isReached = false
    let release = (): void => undefined
    const isReleased = new Promise<void>((resolve) => (release = resolve))
    const store = withStore(memory, {
      iterator: (range) => {
        const read = memory.iterator(range)
        if (!range.gte.startsWith('mark')) return read
        isReached = true
        return { all: () => isReleased.then(() => read.all()) }
      },
    })
    const engine = await engineOn(store, { cacheBytes })
    for (const to of ['bob', 'cyd'])
      await engine.send({ appId, id: to, from: 'ada', to, body: 'Hello' }, rules)
    await engine.deleteUser(bob)
    // The engine's own timers keep no process alive, and those of `until` do.
    await until('the deletion begins', () => Promise.resolve(isReached))
    // This writes what waits. Then the process ends: the rows are those that the next one finds.
    await engine.check()
    const sent = await heldIn(memory)
    const next = await engineOn(withStore(memory, { close: () => Promise.resolve() }), { cacheBytes })
    const left = rows.deletedInbox(bob)
    await until('the messages are deleted', () => Promise.resolve(memory.getSync(left) === undefined))
    await next.close()
    assert.deepEqual(await heldIn(memory), new Map([['ada', (sent.get('ada') ?? 0) / 2]]))
    assert.equal(new Inbox(ada, 0, '', memory, false).sent, (sent.get('ada') ?? 0) / 2)
    release()
    await engine.close()
  })
})
