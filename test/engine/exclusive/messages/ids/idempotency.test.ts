import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SendResult } from '../../../../../src/engine/index.js'
import {
  KEYS_PER_LOADING_STEP,
  KEYS_PER_STEP,
} from '../../../../../src/engine/exclusive/messages/ids/idempotency.js'
import { rows } from '../../../../../src/engine/exclusive/store/rows.js'
import { put } from '../../../../../src/engine/exclusive/store/store.js'
import { MemoryStore } from '../../../../../src/engine/memory/memory-store.js'
import { contentDigest } from '../../../../../src/engine/util/content-digest.js'
import { until } from '../../../../support/until.js'
import { engineOn, rules, withStore } from '../../../../support/engine/stores.js'

const keyOf = (id: string): string => rows.idempotencyKey({ appId: 'app', from: 'ada', to: 'bob', id })

/** A store with `keys` expired keys. Some of their ids hold separators. */
const withExpiredKeys = async (keys: number): Promise<MemoryStore> => {
  const store = new MemoryStore()
  const ids = Array.from({ length: keys }, (_, n) => (n % 3 ? `${n}` : `${n}\0\x01`))
  await store.batch(ids.map((id) => put(keyOf(id), [1, 'digest', 1, 1, 1])))
  return store
}

const keysIn = (store: MemoryStore) => store.iterator({ gte: 'sent\0', lt: 'sent\x01' }).all()

void describe('the passes over idempotency keys', () => {
  void it('delete the expired ones in steps, and keep the others', async () => {
    const memory = await withExpiredKeys(5_000)
    await memory.batch([put(keyOf('valid'), [Date.now() + 3_600_000, 'digest', 1, 1, 1])])
    const steps: number[] = []
    const store = withStore(memory, {
      iterator: (range) => ({
        all: async () => {
          const found = await memory.iterator(range).all()
          if (range.gte.startsWith('sent\0')) steps.push(found.length)
          return found
        },
      }),
    })
    const engine = await engineOn(store)
    await until('the expired keys are deleted', async () => (await keysIn(memory)).length, 1)
    assert.ok(memory.getSync(keyOf('valid')))
    // The valid key expires in an hour, so there is no second pass.
    assert.equal(steps.length, Math.ceil(5_001 / KEYS_PER_LOADING_STEP))
    await engine.close()
  })

  void it('begin again when keys expire, and read a limited number of keys in a step', async () => {
    const memory = new MemoryStore()
    let most = 0
    let isLoaded = false
    const store = withStore(memory, {
      iterator: (range) => ({
        all: async () => {
          const found = await memory.iterator(range).all()
          if (isLoaded && range.gte.startsWith('sent\0')) most = Math.max(most, found.length)
          return found
        },
      }),
    })
    const engine = await engineOn(store)
    isLoaded = true
    const brief = { ...rules, sendWindow: 200 }
    const send = (n: number) =>
      engine.send({ appId: 'app', from: 'ada', to: 'bob', id: `${n}`, body: 'Hello' }, brief)
    await Promise.all(Array.from({ length: 3_000 }, (_, n) => send(n)))
    await until('they are deleted', async () => (await keysIn(memory)).length, 0)
    assert.equal(most, KEYS_PER_STEP)
    await engine.close()
  })

  for (const moment of ['during the read', 'after the read'])
    void it(`keep an expired key that is sent again ${moment}`, async () => {
      const message = { appId: 'app', from: 'ada', to: 'bob', id: '1', body: 'Hello' }
      const memory = await withExpiredKeys(3)
      let sent: Promise<SendResult> | undefined
      const send = (): Promise<SendResult> => engine.send(message, rules)
      let mayRead = (): void => undefined
      const reading = new Promise<void>((resolve) => (mayRead = resolve))
      let isFirst = true
      const store = withStore(memory, {
        iterator: (range) => ({
          all: async () => {
            const found = await memory.iterator(range).all()
            if (!range.gte.startsWith('sent\0')) return found
            // The first read is before the engine is open.
            if (isFirst) {
              isFirst = false
              return []
            }
            await reading
            if (moment === 'during the read') await (sent = send())
            else setImmediate(() => void (sent = send()))
            return found
          },
        }),
      })
      const engine = await engineOn(store)
      // This message schedules a pass.
      await engine.send({ ...message, id: 'brief' }, { ...rules, sendWindow: 1 })
      mayRead()
      await until('the key is sent again', () => sent !== undefined)
      assert.equal((await sent)?.outcome, 'stored')
      await until('the other keys are deleted', async () => (await keysIn(memory)).length, 1)
      assert.equal((await send()).outcome, 'repeated')
      await engine.close()
    })
})

void describe('the filter of idempotency keys after a restart', () => {
  void it('gets the keys that are stored in steps, and every key is found before and after', async () => {
    const memory = new MemoryStore()
    const expiresAt = Date.now() + 3_600_000
    const message = (id: string) => ({ appId: 'app', from: 'ada', to: 'bob', id, body: 'Hello' })
    const count = 3 * KEYS_PER_LOADING_STEP + 100
    const stored = Array.from({ length: count }, (_, n) => `${n}`)
    const ids = stored.filter((_, n) => n % 40 === 0)
    await memory.batch(
      stored.map((id, n) => put(keyOf(id), [expiresAt + n, contentDigest(message(id)), n, n, 1])),
    )
    const lookUps: string[] = []
    let pages = 0
    let mayLoad = (): void => undefined
    const loading = new Promise<void>((resolve) => (mayLoad = resolve))
    const store = withStore(memory, {
      getSync: (key) => {
        if (key.startsWith('sent\0')) lookUps.push(key)
        return memory.getSync(key)
      },
      iterator: (range) => ({
        all: async () => {
          const isPage = range.gte.startsWith('sent\0')
          // The first page is read before the engine is open.
          if (isPage && pages++ > 0) await loading
          return memory.iterator(range).all()
        },
      }),
    })
    const engine = await engineOn(store)
    const outcome = async (id: string): Promise<string> => (await engine.send(message(id), rules)).outcome
    for (const id of ids) assert.equal(await outcome(id), 'repeated')
    assert.equal(await outcome('first'), 'stored')
    assert.ok(lookUps.includes(rows.idempotencyKey(message('first'))))
    mayLoad()
    let next = 0
    await until(
      'a new id is not looked up',
      async () => {
        const id = `new ${next++}`
        assert.equal(await outcome(id), 'stored')
        return lookUps.includes(rows.idempotencyKey(message(id)))
      },
      false,
    )
    assert.equal(pages, 4)
    for (const id of [...ids, 'first', 'new 0']) assert.equal(await outcome(id), 'repeated')
    await engine.close()
  })
})
