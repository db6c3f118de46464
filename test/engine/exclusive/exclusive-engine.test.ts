import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { createMemoryEngine } from '../../../src/engine/index.js'
import { createExclusiveEngine } from '../../../src/engine/exclusive/exclusive-engine.js'
import { MemoryStore } from '../../../src/engine/memory/memory-store.js'
import { rows } from '../../../src/engine/exclusive/store/rows.js'
import { put, type Operation, type Store } from '../../../src/engine/exclusive/store/store.js'
import { request, saveGuest, until, vouch, startSession } from '../../../src/engine/suite/kit.js'
import { createPowerCutStore, engineOn, rules, volumeOf, withStore } from '../../support/engine/stores.js'

const ada = { appId: 'app', userId: 'ada' }
const bob = { appId: 'app', userId: 'bob' }
const toBob = { appId: 'app', from: 'ada', to: 'bob', body: 'Hello' }

/** Every operation but those of the engine's time, which each close stores. */
const operationsIn = (batches: { operations: Operation[] }[]): Operation[] =>
  batches.flatMap(({ operations }) => operations).filter(({ key }) => key !== 'time' && key !== 'open at')

void describe('the engine of one process', () => {
  void it('has its users, its key, messages and their ids after a power cut, as it returned them', async () => {
    const { store, kept } = createPowerCutStore()
    const before = await engineOn(store)
    const key = await before.key()
    await before.saveUser(ada, { vouched: vouch({ name: 'Ada' }) })
    const { epoch } = await before.inbox(bob)
    const sent = await Promise.all(
      Array.from({ length: 20 }, (_, n) => before.send({ ...toBob, id: `${n}` }, rules)),
    )
    const { user } = await before.saveUser(ada, { vouched: vouch({ role: 'admin' }) })
    await before.markRead(bob, { epoch, offset: 10 })

    const after = await engineOn(kept)
    assert.deepEqual(await after.key(), key)
    assert.deepEqual(await after.user(ada), user)
    const { messages } = await after.messagesAfter(bob, { epoch, offset: 0 }, 100)
    assert.deepEqual(
      messages.map(({ offset, id }) => [offset, id]),
      sent.map((_, n) => [n + 1, `${n}`]),
    )
    // The read mark is written without a sync, so it may be gone; the epoch is the same.
    assert.equal((await after.inbox(bob)).epoch, epoch)
    const again = await after.send({ ...toBob, id: '3' }, rules)
    assert.deepEqual(again, { ...sent[3], outcome: 'repeated' })
    await Promise.all([before.close(), after.close()])
  })

  void it('does not count the time after a crash in its first seconds, nor a clock that is set then', async () => {
    const { store, kept } = createPowerCutStore()
    const before = await engineOn(store)
    const message = { ...toBob, id: 'first' }
    const sent = await before.send(message, rules)
    const { now } = Date
    try {
      Date.now = () => now() + 2 * rules.retention.age
      const after = await engineOn(kept)
      await after.configure('app', { retention: rules.retention, webhooks: null })
      assert.deepEqual(await after.send(message, rules), { ...sent, outcome: 'repeated' })
      await after.send({ ...toBob, id: 'second' }, rules)
      const { epoch } = await after.inbox(bob)
      assert.equal((await after.messagesAfter(bob, { epoch, offset: 0 }, 10)).messages.length, 2)
      await after.close()
    } finally {
      Date.now = now
      await before.close()
    }
  })

  void it('ends many sessions that expire together in several turns, and never returns one that has expired', async () => {
    const engine = await engineOn(new MemoryStore())
    const endedPerTurn: number[] = []
    let ended = 0
    let all = 0
    engine.listen((event) => {
      if (event.type !== 'session-ended') return
      all++
      if (ended++ === 0)
        setImmediate(() => {
          endedPerTurn.push(ended)
          ended = 0
        })
    }, new AbortController().signal)
    const users = Array.from({ length: 500 }, (_, index) => ({ appId: 'app', userId: `user-${index}` }))
    const requests = users.map((user) => request(user))
    const sessions = await Promise.all(requests.map((each) => startSession(engine, each)))
    await Promise.all(
      sessions.map((session, index) =>
        engine.detachSession(session, requests[index]?.connectionId ?? '', 50),
      ),
    )
    // All sessions expire while this turn goes on, so that the timer fires late for each of them.
    const expired = performance.now() + 100
    while (performance.now() < expired);
    assert.deepEqual((await engine.appSessions('app', null, 100)).sessions, [])
    for (const user of users.slice(-3)) assert.deepEqual(await engine.sessions(user), [])
    // Only events are counted here: a call of `usage` would itself end some, in the same turn as the timer.
    await until('all are ended', () => Promise.resolve(all === users.length))
    assert.equal((await engine.usage('app')).sessions, 0)
    assert.ok(endedPerTurn.length > 4, `they ended in ${endedPerTurn.length} turns`)
    assert.ok(Math.max(...endedPerTurn) < 100, `${Math.max(...endedPerTurn)} ended in one turn`)
    await engine.close()
  })

  void it('opens no store in the format of another version, and changes none', async () => {
    for (const format of [[], [put(rows.format, 2)], [put(rows.format, 99)]]) {
      const store = new MemoryStore()
      await store.batch([put(rows.key, 'key'), ...format])
      const batch = (): Promise<void> => Promise.reject(new Error('It was written.'))
      const engine = createExclusiveEngine(() => Promise.resolve(volumeOf(withStore(store, { batch }))))
      await assert.rejects(engine.open(), {
        code: 'unavailable',
        message:
          "The engine's folder was written by another version of chat-session, and this one can't read it: use that version, or another folder.",
      })
    }
  })

  void it('returns and emits no message before it is durable', async () => {
    const { store, kept } = createPowerCutStore()
    const engine = await engineOn(store)
    const { epoch } = await engine.inbox(bob)
    const isKept = (): boolean => kept.getSync(`message\0app\0bob\0${'1'.padStart(16, '0')}`) !== undefined
    const seen = new Set<string>()
    engine.listen(() => {
      assert.ok(isKept(), 'emitted before it was durable')
      seen.add('emitted')
    }, new AbortController().signal)
    const sending = engine.send({ ...toBob, id: 'one' }, rules).then(() => {
      assert.ok(isKept(), 'resolved before it was durable')
      seen.add('resolved')
    })
    for (;;) {
      const [{ messages }, { offset, unread }] = [
        await engine.messagesAfter(bob, { epoch, offset: 0 }, 1),
        await engine.inbox(bob),
      ]
      assert.ok(isKept() || (messages.length === 0 && offset === 0 && unread === 0))
      if (offset === 1) break
      await new Promise((resolve) => setImmediate(resolve))
    }
    await sending
    assert.deepEqual(seen, new Set(['emitted', 'resolved']))
    await engine.close()
  })

  void it('returns no user before the save is durable', async () => {
    const { store, kept } = createPowerCutStore()
    const engine = await engineOn(store)
    const saving = engine.saveUser(ada, { vouched: vouch({ name: 'Ada' }) })
    let read = await engine.user(ada)
    while (read === null) {
      await new Promise((resolve) => setImmediate(resolve))
      read = await engine.user(ada)
    }
    assert.notEqual(kept.getSync('user\0app\0ada'), undefined)
    await saving
    await engine.close()
  })

  void it('writes nothing when a save changes nothing', async () => {
    const { store, batches } = createPowerCutStore()
    const engine = await engineOn(store)
    const change = { vouched: vouch({ name: 'Ada' }) }
    await engine.saveUser(ada, change)
    const written = batches.length
    await Promise.all(Array.from({ length: 20 }, () => engine.saveUser(ada, change)))
    await engine.close()
    assert.deepEqual(operationsIn(batches.slice(written)), [])
  })

  void it('deletes a guest who has no session after a crash', async () => {
    const { store } = createPowerCutStore()
    const crashed = await engineOn(store)
    const guest = { appId: 'app', userId: 'guest:a' }
    assert.ok(await saveGuest(crashed, guest, {}, 1))
    const engine = await engineOn(store)
    await until('the guest is deleted', async () => (await engine.user(guest)) === null)
    assert.ok(await saveGuest(engine, { ...guest, userId: 'guest:b' }, {}, 1))
    await engine.close()
  })

  void it('writes sessions without waiting, and deletes the rows of ended ones', async () => {
    const { store, batches } = createPowerCutStore()
    const engine = await engineOn(store)
    const [one, two] = [await startSession(engine, request(ada)), await startSession(engine, request(ada))]
    await engine.saveUser(ada, {})
    await startSession(engine, request(ada, { sessionsPerUser: 2 }))
    await engine.endSession(two, 'ended')
    await engine.close()
    const left = new Set<string>()
    for (const { type, key } of batches.flatMap(({ operations }) => operations))
      if (type === 'put') left.add(key)
      else left.delete(key)
    const sessions = [...left].filter((key) => key.startsWith('session\0'))
    assert.equal(sessions.length, 1)
    assert.ok(!sessions.some((key) => key.includes(one.sessionId) || key.includes(two.sessionId)))
  })

  void it('writes no row of a session that ended before it was written', async () => {
    const { store, batches } = createPowerCutStore()
    const engine = await engineOn(store)
    const written = batches.length
    const alone = request(ada, { sessionsPerUser: 1 })
    await Promise.all(Array.from({ length: 10 }, () => startSession(engine, alone)))
    await engine.close()
    // Each session ends the previous session in the same task, so only the last is written.
    const puts = operationsIn(batches.slice(written)).filter(({ type }) => type === 'put')
    assert.equal(puts.length, 1)
  })

  void it('resolves a start when its session is written; many starts share a write without a sync', async () => {
    const { store, batches } = createPowerCutStore()
    const engine = await engineOn(store)
    const written = batches.length
    const start = async (n: number): Promise<void> => {
      const { sessionId } = await startSession(engine, request({ ...ada, userId: `user ${n}` }))
      assert.ok(store.getSync(`session\0${sessionId}`))
    }
    await Promise.all(Array.from({ length: 500 }, (_, n) => start(n)))
    await engine.close()
    const own = batches.slice(written)
    assert.ok(own.length < 100, `${own.length} batches`)
    assert.ok(own.every(({ sync }) => !sync))
    assert.equal(operationsIn(own).length, 500)
  })

  void it('deletes expired idempotency keys without traffic, and keeps no index of them', async () => {
    const store = new MemoryStore()
    const engine = await engineOn(store)
    const briefly = { ...rules, sendWindow: 1_000 }
    const ids = Array.from({ length: 300 }, (_, n) => `${n}`)
    await Promise.all(ids.map((id) => engine.send({ ...toBob, id }, briefly)))
    const isLeft = (id: string): boolean => store.getSync(`sent\0app\0ada\0bob\0${id}`) !== undefined
    assert.ok(ids.every(isLeft))
    await until('they are gone', () => Promise.resolve(!ids.some(isLeft)))
    const listed = await store.iterator({ gte: 'until\0', lt: 'until\x01' }).all()
    assert.deepEqual(listed, [])
    await engine.close()
  })

  void it('deletes any number of expired messages, and keeps the others', async () => {
    const store = new MemoryStore()
    const engine = await engineOn(store)
    const messages = (appId: string, userId: string) =>
      store.iterator(rows.messages({ appId, userId }, 1, 1e9)).all()
    const users = Array.from({ length: 40 }, (_, n) => `user ${n}`)
    for (let n = 0; n < 1_000; n++) await engine.send({ ...toBob, id: `${n}` }, rules)
    for (const to of users) await engine.send({ ...toBob, from: null, to, id: 'one' }, rules)
    await engine.send({ ...toBob, appId: 'another', id: 'one' }, rules)
    assert.equal((await messages('app', 'bob')).length, 1_000)
    await engine.configure('app', { retention: { messages: 1_000, age: 20, bytes: 1e9 }, webhooks: null })
    for (const of of ['ada', 'bob', ...users])
      await until(`${of}'s are gone`, async () => (await messages('app', of)).length === 0)
    assert.equal((await messages('another', 'bob')).length, 1)
    await engine.close()
  })

  const withRows = (all: () => Promise<[string, string][]>): Store => {
    const store = new MemoryStore()
    const inboxes = 'inbox\0app\0'
    return withStore(store, {
      iterator: (range) => (range.gte.startsWith(inboxes) ? { all } : store.iterator(range)),
    })
  }

  for (const [what, all, expected] of [
    ["the store can't be read", () => Promise.reject(new Error('a bad sector')), /can't be read/],
    ['the engine has a mistake', () => Promise.resolve([['inbox\0app\0bob', 'null']]), /TypeError/],
  ] as [string, () => Promise<[string, string][]>, RegExp][])
    void it(`calls onError once when a job fails because ${what}, and goes on`, async () => {
      const errors: unknown[] = []
      let tries = 0
      const store = withRows(() => {
        tries++
        return all()
      })
      const engine = await engineOn(store, { onError: (error) => errors.push(error) })
      await engine.configure('app', { retention: rules.retention, webhooks: null })
      await until('it has tried again', () => Promise.resolve(tries > 1))
      assert.equal((await engine.send({ ...toBob, id: 'one' }, rules)).outcome, 'stored')
      assert.deepEqual(errors.length, 1)
      assert.match(String(errors[0]), expected)
      await engine.close()
    })

  void it('calls onError with the error of a listener', async () => {
    const errors: unknown[] = []
    const engine = createMemoryEngine({ onError: (error) => errors.push(error) })
    await engine.open()
    const thrown = new Error('thrown by a listener')
    engine.listen(() => {
      throw thrown
    }, new AbortController().signal)
    await engine.endSession(await startSession(engine, request(ada)), 'ended')
    assert.deepEqual(errors, [thrown])
    await engine.close()
  })

  void it('emits a warning of the process for the error of a listener if there is no onError', async () => {
    const engine = createMemoryEngine()
    await engine.open()
    const thrown = new Error('a listener threw; this warning is what the test waits for')
    engine.listen(() => {
      throw thrown
    }, new AbortController().signal)
    const warned = once(process, 'warning')
    await engine.endSession(await startSession(engine, request(ada)), 'ended')
    assert.deepEqual(await warned, [thrown])
    await engine.close()
  })
})
