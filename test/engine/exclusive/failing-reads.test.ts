import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { webhookEventTypes, type Engine } from '../../../src/engine/engine.js'
import { createExclusiveEngine } from '../../../src/engine/exclusive/exclusive-engine.js'
import { MemoryStore } from '../../../src/engine/memory/memory-store.js'
import { rows } from '../../../src/engine/exclusive/store/rows.js'
import type { Store } from '../../../src/engine/exclusive/store/store.js'
import { advanceClock, bodies, saveGuest, start } from '../../../src/engine/suite/kit.js'
import { until, untilResolves } from '../../support/until.js'
import { adopt, saveDevice } from '../../support/engine/calls.js'
import { rules, volumeOf, withStore } from '../../support/engine/stores.js'

const appId = 'app'
const ada = { appId, userId: 'ada' }
const bob = { appId, userId: 'bob' }
const cy = { appId, userId: 'cy' }
const guest = { appId, userId: 'guest:1' }
const unavailable = { name: 'EngineError', code: 'unavailable' }
const options = {
  retention: rules.retention,
  webhooks: { events: webhookEventTypes, unreadAfter: 3_600_000 },
}

interface Disk {
  rows: MemoryStore
  /** The next read of this row fails. Such a read fails, for example, while the process has too many open files. */
  unreadable?: string | undefined
  /** Every read of this row fails. */
  damaged?: string
  /** If this is set, that read fails only when this row is stored. */
  since?: string
  /** How often a store was closed. */
  closed: number
}

/** An engine on a disk whose rows outlive it. `opened` also opens an engine on it, as after a SIGKILL of the first one. */
const onDisk = async (): Promise<{
  engine: Engine
  disk: Disk
  opened: () => Promise<Engine>
}> => {
  const disk: Disk = { rows: new MemoryStore(), closed: 0 }
  const store: Store = withStore(disk.rows, {
    getSync(key) {
      if (key === disk.damaged) throw new Error('The block is damaged.')
      const isFailing = disk.since === undefined || disk.rows.getSync(disk.since) !== undefined
      if (key !== disk.unreadable || !isFailing) return disk.rows.getSync(key)
      disk.unreadable = undefined
      throw new Error('Too many open files.')
    },
    iterator: (range) => ({
      async all() {
        const found = await disk.rows.iterator(range).all()
        if (found.some(([key]) => key === disk.damaged)) throw new Error('The block is damaged.')
        return found
      },
    }),
    close() {
      disk.closed++
      return Promise.resolve()
    },
  })
  const opened = async (): Promise<Engine> => {
    const engine = createExclusiveEngine(() => Promise.resolve(volumeOf(store)), {
      onError: () => undefined,
    })
    await engine.open()
    return engine
  }
  return { engine: await opened(), disk, opened }
}

const repeat = <T>(call: () => Promise<T>): Promise<T> => untilResolves('the call resolves', call)

const sendTo = (engine: Engine, to: string, body: string, more: object = {}) =>
  engine.send({ appId, id: body, from: null, to, body }, { ...rules, ...more })

void describe('an engine whose store fails to read a row', () => {
  void it('keeps what it acknowledges later if a send was in the middle of its change', async () => {
    const { engine, disk, opened } = await onDisk()
    for (const body of ['1', '2', '3']) await sendTo(engine, 'bob', body)
    disk.unreadable = rows.pushDevices(bob)
    await assert.rejects(sendTo(engine, 'bob', '4', { pushAfter: 60_000 }), unavailable)
    await repeat(() => sendTo(engine, 'bob', '5'))
    assert.deepEqual(await bodies(engine, bob), ['1', '2', '3', '5'])
    const next = await opened()
    assert.deepEqual(await bodies(next, bob), ['1', '2', '3', '5'])
    await Promise.all([next.close(), engine.close()])
  })

  void it('delivers the webhook events of a user whose creation by a message it could not finish', async () => {
    const { engine, disk } = await onDisk()
    await engine.configure(appId, options)
    disk.unreadable = rows.pushDevices(bob)
    await assert.rejects(sendTo(engine, 'bob', '1', { pushAfter: 60_000 }), unavailable)
    await repeat(() => sendTo(engine, 'bob', '1'))
    const [due] = await engine.takeDueEvents(appId, 10, 60_000)
    assert.equal(due?.event.type, 'user.created')
    assert.equal((await engine.usage(appId)).users, 1)
    await engine.close()
  })

  void it('deletes what retention no longer keeps if a send could not read the second inbox', async () => {
    const { engine, disk } = await onDisk()
    // With 64 messages a send deletes them.
    for (let n = 1; n <= 64; n++) await sendTo(engine, 'bob', String(n))
    await engine.send({ appId, id: 'from Ada', from: 'ada', to: 'ada', body: 'Note' }, rules)
    await engine.check()
    advanceClock(10)
    disk.unreadable = rows.message(ada, 1)
    const retention = { ...rules.retention, age: 1 }
    const late = engine.send(
      { appId, id: 'late', from: 'ada', to: 'bob', body: 'Late' },
      { ...rules, retention },
    )
    await assert.rejects(late, unavailable)
    await repeat(() => engine.check())
    assert.equal(disk.rows.getSync(rows.message(bob, 1)), undefined)
    await engine.close()
  })

  const isDeleted = ({ rows: stored }: Disk, of: typeof cy): boolean =>
    stored.getSync(rows.message(of, 1)) === undefined
  /** What the engine does in the background for users with a message each, and whether it has done that for a user. */
  const jobs: Record<
    string,
    {
      begin: (engine: Engine) => Promise<unknown>
      isDone: (disk: Disk, of: typeof cy, engine: Engine) => boolean | Promise<boolean>
    }
  > = {
    'deletes what retention no longer keeps': {
      begin: (engine) => engine.configure(appId, { ...options, retention: { ...rules.retention, age: 1 } }),
      isDone: isDeleted,
    },
    'deletes the messages of deleted users': {
      begin: (engine) => Promise.all([ada, bob, cy].map((of) => engine.deleteUser(of))),
      isDone: isDeleted,
    },
    'reports what is unread': {
      begin: () => Promise.resolve(),
      isDone: async (_disk, { userId }, engine) =>
        (await engine.pendingEvents(appId, null, 100)).events.some(
          ({ event }) => event.type === 'message.unread' && event.userId === userId,
        ),
    },
  }
  for (const [what, { begin, isDone }] of Object.entries(jobs))
    void it(`${what}, also of users before and behind one whose messages it can never read`, async () => {
      const { engine, disk } = await onDisk()
      await engine.configure(appId, { ...options, webhooks: { ...options.webhooks, unreadAfter: 100 } })
      disk.damaged = rows.message(bob, 1)
      for (const [n, of] of [ada, bob, cy].entries()) await sendTo(engine, of.userId, String(n))
      await engine.check()
      await begin(engine)
      for (const of of [ada, cy]) await until('it is done for others', () => isDone(disk, of, engine))
      assert.equal(await isDone(disk, bob, engine), false)
      delete disk.damaged
      await until('it is done when they can be read again', () => isDone(disk, bob, engine))
      await engine.close()
    })

  void it('moves a read mark when it can read again, and counts what is unread', async () => {
    const { engine, disk, opened } = await onDisk()
    for (const body of ['1', '2', '3']) await sendTo(engine, 'bob', body)
    const { epoch } = await engine.inbox(bob)
    disk.unreadable = rows.message(bob, 3)
    await assert.rejects(engine.markRead(bob, { epoch, offset: 2 }), unavailable)
    const marked = { epoch, offset: 3, readOffset: 2, unread: 1 }
    assert.deepEqual(await engine.markRead(bob, { epoch, offset: 2 }), marked)
    await engine.check()
    const next = await opened()
    assert.deepEqual(await next.inbox(bob), marked)
    await Promise.all([next.close(), engine.close()])
  })

  void it('says that a guest is adopted only when that is stored', async () => {
    const { engine, disk, opened } = await onDisk()
    await engine.saveUser(ada, {})
    await saveGuest(engine, guest)
    await sendTo(engine, guest.userId, '1')
    await engine.configure(appId, options)
    disk.unreadable = rows.eventQueue(ada)
    await assert.rejects(adopt(engine, ada, guest.userId), unavailable)
    assert.deepEqual(await repeat(() => adopt(engine, ada, guest.userId)), {
      guest: guest.userId,
      messages: 1,
    })
    const next = await opened()
    assert.equal(await next.user(guest), null)
    assert.deepEqual(await bodies(next, ada), ['1'])
    await Promise.all([next.close(), engine.close()])
  })

  void it('moves the messages of an adopted guest once', async () => {
    const { engine, disk, opened } = await onDisk()
    await engine.saveUser(ada, {})
    await saveGuest(engine, guest)
    for (const body of ['1', '2']) await sendTo(engine, guest.userId, body)
    disk.unreadable = rows.message(guest, 1)
    disk.since = rows.moving(guest)
    await assert.rejects(adopt(engine, ada, guest.userId), unavailable)
    await until('both have moved', async () => (await bodies(engine, ada)).length === 2)
    await repeat(() => sendTo(engine, 'ada', '3'))
    assert.deepEqual(await bodies(engine, ada), ['1', '2', '3'])
    const next = await opened()
    assert.deepEqual(await bodies(next, ada), ['1', '2', '3'])
    await Promise.all([next.close(), engine.close()])
  })

  void it('goes on if it can not count what is unread when the messages of a guest have moved', async () => {
    const { engine, disk } = await onDisk()
    await engine.saveUser(ada, {})
    // The count begins with the first message that is retained.
    const retention = { ...rules.retention, messages: 2 }
    for (const body of ['1', '2', '3']) await sendTo(engine, 'ada', body, { retention })
    await saveGuest(engine, guest)
    await sendTo(engine, guest.userId, '4')
    const { epoch } = await engine.inbox(guest)
    await engine.markRead(guest, { epoch, offset: 1 })
    disk.unreadable = rows.message(ada, 2)
    disk.since = rows.message(ada, 4)
    await assert.rejects(adopt(engine, ada, guest.userId), unavailable)
    assert.deepEqual(await repeat(() => adopt(engine, ada, guest.userId)), {
      guest: guest.userId,
      messages: 1,
    })
    await engine.check()
    assert.deepEqual(await bodies(engine, ada), ['2', '3', '4'])
    assert.equal((await engine.inbox(ada)).unread, 2)
    await engine.close()
  })

  for (const what of ['message', 'user', 'adoption'] as const)
    void it(`moves the messages of a guest while it can never read the ${what} of another, and stays open`, async () => {
      const { engine, disk } = await onDisk()
      const guests = ['guest:1', 'guest:2'].map((userId) => ({ appId, userId }))
      const [first, second] = guests as [typeof guest, typeof guest]
      const retention = { ...rules.retention, messages: 2_000 }
      for (const by of [ada, bob]) await engine.saveUser(by, {})
      for (const of of guests) {
        await saveGuest(engine, of)
        // More than an adoption moves before it resolves.
        for (let n = 1; n <= 1_100; n++)
          await sendTo(engine, of.userId, `${n} to ${of.userId}`, { retention })
      }
      await engine.check()
      const moved = (of: typeof ada): unknown => disk.rows.getSync(rows.message(of, 1_100))
      if (what === 'message') disk.damaged = rows.message(first, 1_090)
      await adopt(engine, ada, first.userId, { retention }).catch(() => undefined)
      if (what !== 'message') disk.damaged = what === 'user' ? rows.user(ada) : rows.adoption(first)
      await adopt(engine, bob, second.userId, { retention }).catch(() => undefined)
      await until('the messages of the second guest have moved', () => moved(bob) !== undefined)
      assert.equal(moved(ada), undefined)
      delete disk.damaged
      await until('those of the first have moved when they can be read again', () => moved(ada) !== undefined)
      assert.equal(disk.closed, 0)
      await engine.close()
    })

  for (const what of ['token', 'adoption'] as const)
    void it(`deletes what has expired behind a ${what} that it can never read`, async () => {
      const { engine, disk, opened } = await onDisk()
      await engine.saveUser(ada, {})
      await saveGuest(engine, guest)
      await adopt(engine, ada, guest.userId, { retention: rules.retention })
      // These expire last.
      for (let n = 0; n < 40; n++) await engine.revokeToken(appId, `token ${n}`)
      const tokens = Array.from({ length: 40 }, (_, n) => rows.revokedToken(appId, `token ${n}`))
      const damaged = what === 'token' ? tokens[0] : rows.adoption(guest)
      assert.ok(damaged)
      advanceClock(401 * 86_400_000)
      await engine.close()
      disk.damaged = damaged
      const again = await opened()
      const left = (): string[] =>
        [...tokens, rows.adoption(guest)].filter(
          (row) => row !== damaged && disk.rows.getSync(row) !== undefined,
        )
      await until('the others are deleted', () => left().length === 0)
      assert.notEqual(disk.rows.getSync(damaged), undefined)
      delete disk.damaged
      advanceClock(2 * 3_600_000)
      await again.close()
      const last = await opened()
      await until('it is deleted later', () => disk.rows.getSync(damaged) === undefined)
      await last.close()
    })

  void it('deletes a user as a whole, or not at all', async () => {
    const { engine, disk, opened } = await onDisk()
    for (const body of ['1', '2']) await sendTo(engine, 'bob', body)
    await engine.configure(appId, options)
    disk.unreadable = rows.eventQueue(bob)
    await assert.rejects(engine.deleteUser(bob), unavailable)
    await repeat(() => engine.check())
    assert.deepEqual(await bodies(engine, bob), ['1', '2'])
    const next = await opened()
    assert.deepEqual(await bodies(next, bob), ['1', '2'])
    assert.equal(await next.deleteUser(bob), true)
    await Promise.all([next.close(), engine.close()])
    const last = await opened()
    assert.deepEqual(await bodies(last, bob), [])
    await last.close()
  })

  for (const what of ['event', 'queue'] as const)
    void it(`delivers the webhook events of other users while it can never read the ${what} of one`, async () => {
      const { engine, disk, opened } = await onDisk()
      await engine.configure(appId, options)
      for (const of of [bob, cy]) await engine.saveUser(of, {})
      const [first] = (await engine.pendingEvents(appId, null, 10)).events
      await engine.close()
      disk.damaged = what === 'event' ? rows.pendingEvent(appId, first?.event.seq ?? 0) : rows.eventQueue(bob)
      const again = await opened()
      const take = async (): Promise<string[]> =>
        (await again.takeDueEvents(appId, 10, 1)).map(({ event }) => event.userId)
      assert.deepEqual(await take(), ['cy'])
      delete disk.damaged
      await until('it is taken when it can be read again', async () => (await take()).includes('bob'))
      await again.close()
    })

  void it('tells that a session started before it tells that the session ended', async () => {
    const { engine, disk } = await onDisk()
    await engine.configure(appId, options)
    disk.unreadable = rows.eventQueue(ada)
    const session = await start(engine, ada)
    await engine.endSession(session, 'ended')
    const typesOf = async (): Promise<string[]> =>
      (await engine.pendingEvents(appId, null, 10)).events.map(({ event }) => event.type)
    await until('all events are stored', async () => (await repeat(typesOf)).length === 4)
    assert.deepEqual(await typesOf(), ['session.started', 'user.online', 'session.ended', 'user.offline'])
    await engine.close()
  })

  void it('leaves a device to its owner if it could not pass it on', async () => {
    const { engine, disk } = await onDisk()
    await engine.saveUser(ada, {})
    await engine.saveUser(bob, {})
    await saveDevice(engine, bob, '1')
    disk.unreadable = rows.pushDevices(ada)
    await assert.rejects(saveDevice(engine, ada, '1'), unavailable)
    assert.equal((await engine.pushDevices(bob)).length, 1)
    await engine.close()
  })

  void it('tells what is to be pushed to other users while it can never read the devices of one', async () => {
    const { engine, disk, opened } = await onDisk()
    await engine.configure(appId, options)
    for (const of of [bob, cy]) {
      await engine.saveUser(of, {})
      await saveDevice(engine, of)
      await sendTo(engine, of.userId, of.userId, { pushAfter: 50 })
    }
    await engine.close()
    disk.damaged = rows.pushDevices(bob)
    const again = await opened()
    const due: string[] = []
    again.listen((event) => {
      if (event.type === 'push-due') due.push(event.user.userId)
    }, new AbortController().signal)
    await again.configure(appId, options)
    await until('the push of Cy is due', () => due.includes('cy'))
    assert.deepEqual(due, ['cy'])
    delete disk.damaged
    await until('the push of Bob is due when the devices can be read again', () => due.includes('bob'))
    await again.close()
  })

  void it('closes its store if the read is one of the last', async () => {
    const { engine, disk, opened } = await onDisk()
    await engine.send({ appId, id: '1', from: 'ada', to: 'bob', body: 'Hello' }, rules)
    await sendTo(engine, 'bob', '2')
    await engine.check()
    // Deletes a message of Ada's, whose inbox is not in memory any more.
    const quota = { ...rules.quota, bytesPerSender: 1 }
    const retention = { ...rules.retention, messages: 1 }
    const limits = { ...rules, quota, retention }
    const sent = await engine.send({ appId, id: '3', from: 'cyd', to: 'bob', body: 'Hello' }, limits)
    assert.equal(sent.outcome, 'over-share')
    disk.unreadable = rows.inbox(ada)
    await engine.close()
    assert.equal(disk.unreadable, undefined)
    assert.equal(disk.closed, 1)
    await (await opened()).close()
  })
})
