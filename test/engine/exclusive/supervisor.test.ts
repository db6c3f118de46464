import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { webhookEventTypes, type Engine, type EngineEvent } from '../../../src/engine/engine.js'
import { createExclusiveEngine } from '../../../src/engine/exclusive/exclusive-engine.js'
import { MemoryStore } from '../../../src/engine/memory/memory-store.js'
import { rows } from '../../../src/engine/exclusive/store/rows.js'
import { put, type Volume, type Store } from '../../../src/engine/exclusive/store/store.js'
import {
  advanceClock,
  idsOf,
  nextEvents,
  request,
  vouch,
  startSession,
} from '../../../src/engine/suite/kit.js'
import { until, untilResolves } from '../../support/until.js'
import { saveDevice } from '../../support/engine/calls.js'
import { volumeOf, rules, withStore } from '../../support/engine/stores.js'

const ada = { appId: 'app', userId: 'ada' }
const bob = { appId: 'app', userId: 'bob' }
const toBob = { appId: 'app', from: 'ada', to: 'bob', body: 'Hello' }
const cause = new Error('the disk is full')
const unavailable = { name: 'EngineError', code: 'unavailable' }

const webhooks = { events: webhookEventTypes, unreadAfter: 3_600_000 }
const options = { retention: rules.retention, webhooks }

const LIE = 'writes, and says that it failed'
type Disk = 'sound' | 'refuses' | typeof LIE

interface OnDisk {
  engine: Engine
  disk: {
    state: Disk
    opened: number
    probed: number
    /** How many writes were reported as failed, and are on the disk. */
    lies: number
    /** Called when the store is opened. */
    onOpen?: (() => void) | undefined
    onReadMessages?: (() => Promise<unknown>) | undefined
  }
  errors: unknown[]
  messages: Extract<EngineEvent, { type: 'message' }>[]
  /** Has the disk fail, and a write notice it. */
  fail: (state?: Disk) => Promise<void>
  /** Makes the disk sound. After a recovery the engine uses the new store some turns later. */
  recover: () => Promise<void>
  /** Asserts what `read` returns, also when the engine was opened again, and closes the engine. */
  finallyReads: (read: () => Promise<unknown>, expected: unknown) => Promise<void>
  /** The types of the pending webhook events of a user. */
  pending: (userId: string) => Promise<string[]>
}

/** An engine on a disk that can fail. Rows are still there when the store is opened again. */
const onDisk = async (): Promise<OnDisk> => {
  const rowsOnDisk = new MemoryStore()
  const disk: OnDisk['disk'] = { state: 'sound', opened: 0, probed: 0, lies: 0 }
  const open = (): Promise<Volume> => {
    disk.opened++
    disk.onOpen?.()
    let isOpen = true
    const whileOpen = <T>(work: () => T): T => {
      if (!isOpen) throw new Error('the store is closed')
      return work()
    }
    const batch: Store['batch'] = async (operations) => {
      if (disk.state !== 'refuses') await whileOpen(() => rowsOnDisk.batch(operations))
      if (disk.state === 'sound') return
      if (disk.state !== 'refuses') disk.lies++
      throw cause
    }
    const store = withStore(rowsOnDisk, {
      batch,
      getSync: (key) => whileOpen(() => rowsOnDisk.getSync(key)),
      iterator: (range) => ({
        async all() {
          if (range.gte.startsWith('message')) await disk.onReadMessages?.()
          return whileOpen(() => rowsOnDisk.iterator(range)).all()
        },
      }),
      close: () => {
        isOpen = false
        return Promise.resolve()
      },
    })
    const probe = (): Promise<void> => {
      disk.probed++
      return disk.state === 'sound' ? Promise.resolve() : Promise.reject(cause)
    }
    return Promise.resolve(volumeOf(store, { probe }))
  }
  const errors: unknown[] = []
  const engine = createExclusiveEngine(open, { onError: (error) => errors.push(error) })
  await engine.open()
  const messages: Extract<EngineEvent, { type: 'message' }>[] = []
  engine.listen((event) => {
    if (event.type === 'message') messages.push(event)
  }, new AbortController().signal)
  const fail: OnDisk['fail'] = async (state = 'refuses') => {
    disk.state = state
    await assert.rejects(engine.send({ ...toBob, id: state, from: null }, rules), unavailable)
  }
  const recover = async (): Promise<void> => {
    disk.state = 'sound'
    await untilResolves('the engine writes again', () => engine.check())
  }
  const finallyReads: OnDisk['finallyReads'] = async (read, expected) => {
    for (const when of ['when it can write again', 'when it was opened again']) {
      assert.deepEqual(await read(), expected, when)
      await engine.close()
      await engine.open()
    }
    await engine.close()
  }
  const pending = async (userId: string): Promise<string[]> =>
    (await engine.pendingEvents('app', null, 100)).events
      .filter(({ event }) => event.userId === userId)
      .map(({ event }) => event.type)
  return { engine, disk, errors, messages, fail, recover, finallyReads, pending }
}

void describe('an engine whose store has failed', () => {
  void it('refuses to write, goes on reading, and reports the failure once', async () => {
    const { engine, disk, errors, messages } = await onDisk()
    const { user } = await engine.saveUser(ada, { vouched: vouch({ name: 'Ada' }) })
    await engine.send({ ...toBob, id: 'one' }, rules)
    const inbox = await engine.inbox(bob)
    disk.state = 'refuses'
    const refused = { ...unavailable, cause }
    const sends = ['two', 'three'].map((id) => engine.send({ ...toBob, id }, rules))
    for (const sending of sends) await assert.rejects(sending, refused)
    await assert.rejects(engine.saveUser(ada, { vouched: vouch({ name: 'lost' }) }), refused)
    await assert.rejects(engine.markRead(bob, { epoch: inbox.epoch, offset: 1 }), refused)
    await until('the engine probes the store', () => disk.probed > 1)
    await assert.rejects(engine.send({ ...toBob, id: 'four' }, rules), refused)
    assert.deepEqual(await engine.user(ada), user)
    assert.deepEqual(await engine.inbox(bob), inbox)
    const page = await engine.messagesAfter(bob, { epoch: inbox.epoch, offset: 0 }, 10)
    assert.deepEqual(
      page.messages.map(({ id }) => id),
      ['one'],
    )
    assert.equal(messages.length, 2)
    assert.equal(disk.opened, 1)
    // The log has the failure, and why the recovery failed.
    assert.equal(errors.length, 2)
    await engine.close()
  })

  void it('accepts writes again by itself, with offsets, epochs, ids and read marks as before', async () => {
    const { engine, fail, recover, finallyReads } = await onDisk()
    const first = await engine.send({ ...toBob, id: 'one' }, rules)
    await engine.send({ ...toBob, id: 'two' }, rules)
    const { epoch } = await engine.inbox(bob)
    await engine.markRead(bob, { epoch, offset: 1 })
    // In the inbox of this user nothing is written but the mark.
    const cyd = { ...bob, userId: 'cyd' }
    await engine.send({ ...toBob, to: 'cyd', id: 'four' }, rules)
    await engine.markRead(cyd, { epoch: (await engine.inbox(cyd)).epoch, offset: 1 })
    await fail()
    await recover()
    const again = await engine.send({ ...toBob, id: 'three' }, rules)
    assert.deepEqual([again.outcome, 'offset' in again && again.offset], ['stored', 3])
    assert.deepEqual(await engine.send({ ...toBob, id: 'one' }, rules), { ...first, outcome: 'repeated' })
    assert.equal((await engine.inbox(cyd)).readOffset, 1)
    await finallyReads(() => engine.inbox(bob), { epoch, offset: 3, readOffset: 1, unread: 2 })
  })

  void it('emits messages that were stored though their write failed, in order, and once', async () => {
    const { engine, disk, messages } = await onDisk()
    await engine.send({ ...toBob, id: '1' }, rules)
    disk.state = LIE
    const ids = ['2', '3', '4']
    const sends = ids.map((id) => engine.send({ ...toBob, id }, rules))
    for (const sending of sends) await assert.rejects(sending, unavailable)
    disk.state = 'sound'
    await until('eight messages', () => messages.length >= 8)
    for (const id of ids) assert.equal((await engine.send({ ...toBob, id }, rules)).outcome, 'repeated')
    assert.equal((await engine.send({ ...toBob, id: '5' }, rules)).outcome, 'stored')
    for (const of of [ada, bob]) {
      assert.deepEqual(
        messages.filter(({ user }) => user.userId === of.userId).map(({ message }) => message.offset),
        [1, 2, 3, 4, 5],
      )
    }
    await engine.close()
  })

  void it('emits such messages of every inbox, whichever inbox is read meanwhile', async () => {
    const { engine, disk, messages, recover } = await onDisk()
    const recipients = ['bob', 'cyd']
    for (const to of recipients) await engine.send({ ...toBob, id: '1', from: null, to }, rules)
    disk.state = LIE
    const sends = recipients.map((to) => engine.send({ ...toBob, id: '2', from: null, to }, rules))
    for (const sending of sends) await assert.rejects(sending, unavailable)
    // The inbox that was used last is read first.
    disk.onReadMessages = () => engine.inbox(bob)
    await recover()
    assert.deepEqual(messages.map(({ user, message }) => [user.userId, message.offset]).toSorted(), [
      ['bob', 1],
      ['bob', 2],
      ['cyd', 1],
      ['cyd', 2],
    ])
    await engine.close()
  })

  void it('adds no presence event again that has cancelled another one in a write that was on the disk', async () => {
    const { engine, disk, recover, pending } = await onDisk()
    for (const of of [ada, bob]) await engine.saveUser(of, {})
    await engine.configure('app', options)
    const session = await startSession(engine, request(bob))
    await engine.endSession(session, 'ended')
    // With so many pending events a `user.online` cancels the `user.offline` before it.
    for (let n = 0; n < 10; n++) await engine.send({ ...toBob, id: String(n) }, rules)
    disk.state = LIE
    await startSession(engine, request(bob))
    await assert.rejects(engine.saveUser(ada, { claimed: { name: 'Ada' } }), unavailable)
    await recover()
    assert.deepEqual(
      (await pending('bob')).filter((type) => type.startsWith('user.')),
      ['user.online'],
    )
    await engine.close()
  })

  void it('adds no presence event again that another one has cancelled in a write that was on the disk', async () => {
    const { engine, disk, fail, recover, pending } = await onDisk()
    for (const of of [ada, bob]) await engine.saveUser(of, {})
    await engine.configure('app', options)
    // With so many pending events a `user.offline` cancels the `user.online` before it.
    for (let n = 0; n < 10; n++) await engine.send({ ...toBob, id: String(n) }, rules)
    await fail()
    await engine.endSession(await startSession(engine, request(bob)), 'ended')
    const session = await startSession(engine, request(bob))
    // The first write of the store that is opened again has all that happened meanwhile.
    disk.onOpen = () => (disk.state = LIE)
    disk.state = 'sound'
    await until('that write has failed', () => disk.lies > 0)
    await engine.endSession(session, 'ended')
    disk.onOpen = undefined
    await recover()
    const sessions = ['session.started', 'session.ended', 'session.started', 'session.ended']
    assert.deepEqual(
      (await pending('bob')).filter((type) => /^(session|user\.o)/.test(type)),
      sessions,
    )
    await engine.close()
  })

  const failures = {
    never: undefined,
    'as it is opened again': 'onOpen',
    'once it has gone on': 'onReadMessages',
  } as const
  for (const [when, hook] of Object.entries(failures))
    void it(`queues each webhook event once, also those that happened while it could not write (fails a second time: ${when})`, async () => {
      const { engine, disk, fail, recover, finallyReads, pending } = await onDisk()
      for (const of of [ada, bob]) await engine.saveUser(of, {})
      await engine.configure('app', options)
      const session = await startSession(engine, request(ada))
      await engine.check()
      await fail(LIE)
      await fail()
      await startSession(engine, request(bob))
      await engine.endSession(session, 'ended')
      const { lies } = disk
      if (hook)
        disk[hook] = () => {
          disk[hook] = undefined
          disk.state = LIE
          return Promise.resolve()
        }
      disk.state = 'sound'
      if (hook) await until('it has failed a second time', () => disk.lies > lies)
      await recover()
      assert.equal((await engine.send({ ...toBob, id: LIE, from: null }, rules)).outcome, 'repeated')
      const ofAda = ['session.started', 'user.online', 'session.ended', 'user.offline']
      const ofBob = ['message.created', 'session.started', 'user.online']
      await finallyReads(async () => [await pending('ada'), await pending('bob')], [ofAda, ofBob])
    })

  void it('queues the webhook events of a session that ends while the store is opened again', async () => {
    const { engine, disk, fail, recover, finallyReads, pending } = await onDisk()
    await engine.saveUser(ada, {})
    await engine.configure('app', options)
    const session = await startSession(engine, request(ada))
    await engine.check()
    await fail(LIE)
    disk.state = 'refuses'
    // Its events are taken over before the stored message is read, and no second time.
    await startSession(engine, request(ada))
    disk.onReadMessages = async () => {
      delete disk.onReadMessages
      await engine.endSession(session, 'ended')
    }
    await recover()
    const queued = ['session.started', 'user.online', 'session.started', 'session.ended']
    await finallyReads(() => pending('ada'), queued)
  })

  void it('tells who watches a user whose last session ends while the store is opened again', async () => {
    const { engine, disk, fail, recover } = await onDisk()
    const asked = request(ada)
    const session = await startSession(engine, asked)
    await engine.watch([ada])
    const presence = nextEvents(engine, 'presence')
    await fail(LIE)
    disk.onReadMessages = async () => {
      delete disk.onReadMessages
      await engine.detachSession(session, asked.connectionId, 1)
      await presence
    }
    await recover()
    assert.equal((await presence)[0]?.online, false)
    assert.deepEqual(await engine.sessions(ada), [])
    await engine.close()
  })

  void it('reports a message that has become due meanwhile as soon as it can write again', async () => {
    const { engine, fail, recover, pending } = await onDisk()
    // An engine stores its time when it is closed.
    await engine.close()
    await engine.open()
    await engine.configure('app', options)
    await engine.send({ ...toBob, id: 'one' }, rules)
    await fail()
    advanceClock(webhooks.unreadAfter)
    await recover()
    await until('message.unread is pending', async () => (await pending('bob')).includes('message.unread'))
    await engine.close()
  })

  void it('revokes and deletes nothing that it could not write, and ends no session for it', async () => {
    const { engine, disk, recover } = await onDisk()
    await engine.saveUser(ada, {})
    const asked = request(ada)
    await startSession(engine, asked)
    disk.state = 'refuses'
    const everything = { issuedBefore: null, mode: 'end' } as const
    await assert.rejects(engine.revokeUser(ada, everything), unavailable)
    await assert.rejects(engine.revokeApp('app', everything), unavailable)
    await assert.rejects(engine.revokeToken('app', asked.credential.tokenId ?? ''), unavailable)
    await assert.rejects(engine.deleteUser(ada), unavailable)
    await assert.rejects(engine.check(), unavailable)
    assert.equal((await engine.sessions(ada)).length, 1)
    assert.equal(await engine.isRevoked(ada, asked.credential), false)
    await recover()
    await engine.check()
    assert.equal((await engine.status(ada)).revokedBefore, null)
    assert.notEqual(await engine.user(ada), null)
    await engine.revokeUser(ada, everything)
    assert.deepEqual(await engine.sessions(ada), [])
    await engine.close()
  })

  void it('replays no failed event that it could not write', async () => {
    const { engine, disk, recover } = await onDisk()
    await engine.configure('app', options)
    await engine.saveUser(ada, {})
    const [taken] = await engine.takeDueEvents('app', 1, 60_000)
    const id = taken?.event.id ?? ''
    await engine.endDelivery('app', 'ada', id, { failed: 'gone' })
    await engine.check()
    disk.state = 'refuses'
    await assert.rejects(engine.replayEvent('app', 'ada', id), unavailable)
    await assert.rejects(engine.replayEvent('app', 'ada', id), unavailable)
    await recover()
    const states = async () => (await engine.pendingEvents('app', null, 100)).events.map(({ state }) => state)
    assert.deepEqual(await states(), ['failed'])
    assert.equal(await engine.replayEvent('app', 'ada', id), true)
    assert.deepEqual(await states(), ['pending'])
    await engine.close()
  })

  /** What happens in memory while the disk refuses writes, and what the engine returns afterwards. */
  const changes: Record<
    string,
    (engine: Engine) => Promise<[() => Promise<unknown>, () => Promise<unknown>]>
  > = {
    'keeps its sessions, in their latest state': async (engine) => {
      const detached = request(ada)
      const over = await startSession(engine, request(ada))
      const session = await startSession(engine, detached)
      const change = async (): Promise<string[]> => {
        await engine.endSession(over, 'ended')
        await engine.detachSession(session, detached.connectionId, 60_000)
        return idsOf([session, await startSession(engine, request(ada))])
      }
      return [change, async () => idsOf(await engine.sessions(ada))]
    },
    'knows when a user was last seen whose session has ended': async (engine) => {
      await engine.saveUser(ada, {})
      const session = await startSession(engine, request(ada))
      const read = async (): Promise<boolean> =>
        ((await engine.status(ada)).lastSeenAt ?? 0) >= session.startedAt
      const change = async (): Promise<boolean> => {
        await engine.endSession(session, 'ended')
        return read()
      }
      return [change, read]
    },
    'pushes no message that a page has shown': async (engine) => {
      await engine.saveUser(bob, {})
      await saveDevice(engine, bob)
      await engine.send({ ...toBob, id: 'one' }, { ...rules, pushAfter: 60_000 })
      const { offset } = await engine.inbox(bob)
      const change = async (): Promise<number[]> => {
        await engine.seenOnPage(bob, offset)
        return [offset]
      }
      return [change, async () => (await engine.pushDevices(bob)).map((device) => device.offset)]
    },
  }
  for (const [what, prepare] of Object.entries(changes))
    for (const isLate of [false, true])
      void it(`${what}: ${isLate ? 'while it could not write' : 'in the write that failed'}`, async () => {
        const { engine, fail, recover, finallyReads } = await onDisk()
        const [change, read] = await prepare(engine)
        const failing = fail()
        if (isLate) await failing
        const expected = await change()
        await failing
        await recover()
        await finallyReads(read, expected)
      })

  void it('can be closed while it waits for room, and opened again', async () => {
    const { engine, disk } = await onDisk()
    disk.state = 'refuses'
    await assert.rejects(engine.saveUser(ada, {}), unavailable)
    await engine.close()
    await assert.rejects(engine.user(ada), unavailable)
    disk.state = 'sound'
    await engine.open()
    assert.equal((await engine.saveUser(ada, {})).created, true)
    await engine.close()
  })
})

void describe('an engine that could not be made ready', () => {
  void it('runs no job on the store that it closed', async () => {
    let reads = 0
    let lateReads = 0
    let isReadable = false
    const open = (): Promise<Volume> => {
      let isOpen = true
      const rowsThere = new MemoryStore()
      const store = withStore(rowsThere, {
        iterator(range) {
          if (!isOpen) lateReads++
          if (!isReadable) throw new Error('unreadable')
          reads++
          return rowsThere.iterator(range)
        },
        close() {
          isOpen = false
          return Promise.resolve()
        },
      })
      return Promise.resolve(volumeOf(store))
    }
    const engine = createExclusiveEngine(open, { onError: () => undefined })
    await assert.rejects(engine.open(), unavailable)
    isReadable = true
    await engine.open()
    // The first read loads the sessions. A job makes the second one, and the failed opening must not have left that job running.
    await until('a second read', () => reads > 1)
    await engine.close()
    assert.equal(lateReads, 0)
  })

  void it('rejects when a write failed before it was ready, and can be opened again', async () => {
    const rowsThere = new MemoryStore()
    // A job deletes this expired key while the sessions are read.
    await rowsThere.batch([put(rows.expiry(1, 'old'), [])])
    let isSound = false
    let hasFailed = false
    const store = withStore(rowsThere, {
      async batch(operations, { sync }) {
        if (sync || isSound) return rowsThere.batch(operations)
        hasFailed = true
        throw cause
      },
      iterator: (range) => ({
        async all() {
          if (range.gte.startsWith('session')) await until('the write has failed', () => hasFailed)
          return rowsThere.iterator(range).all()
        },
      }),
      close: () => Promise.resolve(),
    })
    const open = (): Promise<Volume> => Promise.resolve(volumeOf(store))
    const engine = createExclusiveEngine(open, { onError: () => undefined })
    await assert.rejects(engine.open(), unavailable)
    isSound = true
    await engine.open()
    assert.equal((await engine.saveUser(ada, {})).created, true)
    await engine.close()
  })
})
