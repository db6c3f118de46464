import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { MemoryLevel } from 'memory-level'
import { createMemoryEngine } from '../../src/engine/index.js'
import { LocalEngine } from '../../src/engine/local.js'
import type { Operation, Store } from '../../src/engine/store.js'

const ada = { appId: 'app', userId: 'ada' }
const aSession = { ...ada, guest: false, sessionsPerUser: 20 }

/** A store that forgets what was not synced: at a power cut, `kept` is what is left. */
const forgetful = (): { store: Store; kept: MemoryLevel; batches: Operation[][] } => {
  const [live, kept] = [new MemoryLevel(), new MemoryLevel()]
  const batches: Operation[][] = []
  let unsynced: Operation[] = []
  return {
    kept,
    batches,
    store: {
      get: (key) => live.get(key),
      clear: (range) => live.clear(range),
      close: () => live.close(),
      batch: async (operations, { sync }) => {
        batches.push(operations)
        unsynced.push(...operations)
        if (sync) {
          const now = unsynced
          unsynced = []
          await kept.batch(now)
        }
        await live.batch(operations)
      },
    },
  }
}

const engineOn = async (store: Store): Promise<LocalEngine> => {
  const engine = new LocalEngine('embedded', () => Promise.resolve(store))
  await engine.open()
  return engine
}

void describe('an engine with one owner', () => {
  void it('has its users and its key after a power cut as it answered them', async () => {
    const { store, kept } = forgetful()
    const before = await engineOn(store)
    const key = await before.key()
    await before.saveUser(ada, { vouched: { name: 'Ada' } })
    await before.startSession(aSession)
    const { user } = await before.saveUser(ada, { vouched: { role: 'admin' } })
    await before.startSession(aSession)

    const after = await engineOn(kept)
    assert.deepEqual(await after.key(), key)
    assert.deepEqual(await after.user(ada), user)
    assert.deepEqual(await after.sessions(ada), [])
    await Promise.all([before.close(), after.close()])
  })

  void it('answers nobody a user whose save is not yet durable', async () => {
    const { store, kept } = forgetful()
    const engine = await engineOn(store)
    const saving = engine.saveUser(ada, { vouched: { name: 'Ada' } })
    let read = await engine.user(ada)
    while (read === null) read = await engine.user(ada)
    assert.notEqual(await kept.get('user\0app\0ada'), undefined)
    await saving
    await engine.close()
  })

  void it('writes nothing when a save changes nothing', async () => {
    const { store, batches } = forgetful()
    const engine = await engineOn(store)
    await engine.saveUser(ada, { vouched: { name: 'Ada' } })
    const written = batches.length
    await Promise.all(Array.from({ length: 20 }, () => engine.saveUser(ada, { vouched: { name: 'Ada' } })))
    await engine.close()
    assert.equal(batches.length, written)
  })

  void it('writes sessions behind, and leaves none in the store once they ended', async () => {
    const { store, batches } = forgetful()
    const engine = await engineOn(store)
    const [one, two] = [await engine.startSession(aSession), await engine.startSession(aSession)]
    await engine.startSession({ ...aSession, sessionsPerUser: 2 })
    await engine.endSession(two, 'ended')
    await engine.close()
    const left = new Set<string>()
    for (const { type, key } of batches.flat()) {
      if (type === 'put') left.add(key)
      else assert.ok(left.delete(key), 'only what is there is deleted')
    }
    const sessions = [...left].filter((key) => key.startsWith('session\0'))
    assert.equal(sessions.length, 1)
    assert.ok(!sessions.some((key) => key.includes(one.sessionId) || key.includes(two.sessionId)))
  })

  void it('tells onError of a listener that throws', async () => {
    const errors: unknown[] = []
    const engine = createMemoryEngine({ onError: (error) => errors.push(error) })
    await engine.open()
    const thrown = new Error('thrown by a listener')
    engine.listen(() => {
      throw thrown
    }, new AbortController().signal)
    await engine.endSession(await engine.startSession(aSession), 'ended')
    assert.deepEqual(errors, [thrown])
    await engine.close()
  })

  void it('warns of a listener that throws when there is no onError', async () => {
    const engine = createMemoryEngine()
    await engine.open()
    const thrown = new Error('a listener threw; this warning is what the test waits for')
    engine.listen(() => {
      throw thrown
    }, new AbortController().signal)
    const warned = once(process, 'warning')
    await engine.endSession(await engine.startSession(aSession), 'ended')
    assert.deepEqual(await warned, [thrown])
    await engine.close()
  })

  void it('refuses to write, and goes on reading, once its store has failed', async () => {
    const { store } = forgetful()
    const cause = new Error('the disk is full')
    let full = false
    const batch: Store['batch'] = (...args) => (full ? Promise.reject(cause) : store.batch(...args))
    const errors: unknown[] = []
    const engine = new LocalEngine('embedded', () => Promise.resolve({ ...store, batch }), {
      onError: (error) => errors.push(error),
    })
    await engine.open()
    const { user } = await engine.saveUser(ada, { vouched: { name: 'Ada' } })
    const session = await engine.startSession(aSession)
    full = true
    const failure = { name: 'EngineError', code: 'unavailable', cause }
    await assert.rejects(engine.saveUser(ada, { vouched: { name: 'lost' } }), failure)
    full = false
    await assert.rejects(engine.saveUser(ada, { vouched: { name: 'too soon' } }), failure)
    await assert.rejects(engine.startSession(aSession), failure)
    await assert.rejects(engine.endSession(session, 'ended'), failure)
    assert.deepEqual(await engine.user(ada), user)
    assert.deepEqual(await engine.sessions(ada), [session])
    assert.equal(errors.length, 1)
    await engine.close()
  })
})
