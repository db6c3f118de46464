import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { rows } from '../../../../src/engine/exclusive/store/rows.js'
import { sweepExpired } from '../../../../src/engine/exclusive/store/expiry-sweep.js'
import { Revocations } from '../../../../src/engine/exclusive/sessions/revocations.js'
import { put, type Store } from '../../../../src/engine/exclusive/store/store.js'
import { MemoryStore } from '../../../../src/engine/memory/memory-store.js'
import { request, startSession, until } from '../../../../src/engine/suite/kit.js'
import { coreOf, createPowerCutStore, engineOn, rules, withStore } from '../../../support/engine/stores.js'

const ada = { appId: 'app', userId: 'ada' }
const bob = { appId: 'app', userId: 'bob' }
const all = { issuedBefore: null, mode: 'end' } as const

void describe('revocations and deletions', () => {
  void it('are there after a power cut, as they were returned', async () => {
    const { store, kept } = createPowerCutStore()
    const before = await engineOn(store)
    await before.revokeToken('app', 'one')
    await before.revokeUser(bob, all)
    await before.liftRevocation(bob)
    const appTime = await before.revokeApp('app2', all)
    const cy = { appId: 'app', userId: 'cy' }
    await before.saveUser(cy, {})
    await before.send({ appId: 'app', id: '1', from: null, to: 'cy', body: 'Hello' }, rules)
    const { epoch } = await before.inbox(cy)
    await before.deleteUser(cy)
    // This comes last: a later synced write would also sync it.
    const time = await before.revokeUser(ada, all)

    const after = await engineOn(kept)
    assert.equal((await after.status(ada)).revokedBefore, time)
    assert.equal((await after.status(bob)).revokedBefore, null)
    assert.equal((await after.status({ ...bob, appId: 'app2' })).revokedBefore, appTime)
    const credential = { ...request(bob).credential, tokenId: 'one' }
    assert.equal(await after.isRevoked(bob, credential), true)
    assert.equal(await after.user(cy), null)
    assert.notEqual((await after.inbox(cy)).epoch, epoch)
    assert.equal((await after.inbox(cy)).offset, 0)
    await Promise.all([before.close(), after.close()])
  })

  void it('are waited for before the engine closes its store: who waits for them ends sessions, with their events', async () => {
    const revoking: ((revocations: Revocations) => Promise<unknown>)[] = [
      (revocations) => revocations.revokeToken('app', 'one', null),
      (revocations) => revocations.revokeUser(ada, Date.now()),
      (revocations) => revocations.revokeApp('app', Date.now()),
    ]
    for (const revoke of revoking) {
      let release!: () => void
      const held = new Promise<void>((resolve) => (release = resolve))
      const memory = new MemoryStore()
      const batch: Store['batch'] = async (operations) => {
        await held
        await memory.batch(operations)
      }
      const store = withStore(memory, { batch })
      const core = coreOf(store)
      const { commit } = core
      const revocations = new Revocations(core)
      let isIdle = false
      const revoked = revoke(revocations)
      const idle = commit.idle().then(() => (isIdle = true))
      await nextTurn()
      assert.equal(isIdle, false)
      release()
      await Promise.all([revoked, idle])
      await commit.close()
    }
  })

  void it('of a token are kept until it has expired, for as long as is known', async () => {
    const store = new MemoryStore()
    const engine = await engineOn(store)
    const HOUR = 3_600_000
    const start = (tokenId: string, expiresAt: number | null) =>
      startSession(
        engine,
        request(ada, { credential: { authMethod: 'token', tokenId, issuedAt: Date.now(), expiresAt } }),
      )
    await start('an hour', Date.now() + HOUR)
    await start('years', Date.now() + 500 * 24 * HOUR)
    await start('for ever', null)
    const tokenIds = ['an hour', 'years', 'for ever', 'unknown']
    for (const tokenId of tokenIds) await engine.revokeToken('app', tokenId)
    const keptFor = (tokenId: string): number | null => {
      const [until] = JSON.parse(store.getSync(rows.revokedToken('app', tokenId)) ?? '[]') as [number | null]
      return until === null ? null : Math.round((until - Date.now()) / HOUR)
    }
    // Each is kept for 61 days more: a device that the token brought is kept for 60, and the clock may be set back.
    assert.deepEqual(tokenIds.map(keptFor), [61 * 24 + 1, 561 * 24, null, 400 * 24])
    // Again the sessions are gone, and with them what they knew of the tokens.
    for (const tokenId of tokenIds) await engine.revokeToken('app', tokenId)
    assert.deepEqual(tokenIds.map(keptFor), [400 * 24, 561 * 24, null, 400 * 24])
    await engine.close()
  })

  void it('of a token are deleted in the background when their time is over', async () => {
    const store = new MemoryStore()
    const row = rows.revokedToken('app', 'old')
    // This token was revoked a second time, for ever.
    const forEver = rows.revokedToken('app', 'for ever')
    await store.batch([
      put(rows.revocations, ['token']),
      put(row, [1_000]),
      put(forEver, [Infinity]),
      put(rows.expiry(1_000, 'x'), [forEver, row]),
    ])
    const engine = await engineOn(store)
    await until('the row is deleted', () => Promise.resolve(store.getSync(row) === undefined))
    assert.notEqual(store.getSync(forEver), undefined)
    await engine.close()
  })

  void it('of a token are kept if the token is revoked again while the sweep deletes the earlier revocation', async () => {
    const memory = new MemoryStore()
    const row = rows.revokedToken('app', 'old')
    const expiry = rows.expiry(1_000, 'x')
    await memory.batch([put(rows.revocations, ['token']), put(row, [1_000]), put(expiry, [row])])
    let revoked: Promise<void> | undefined
    const store = withStore(memory, {
      iterator: (range) => {
        // The sweep waits for this write after its read.
        commit.append([put(rows.check, 1)])
        return memory.iterator(range)
      },
      batch: async (operations) => {
        revoked ??= revocations.revokeToken('app', 'old', null)
        await memory.batch(operations)
      },
    })
    const core = coreOf(store)
    const { commit, scheduler } = core
    const revocations = new Revocations(core)
    sweepExpired(core)
    await until('the sweep has ended', () => Promise.resolve(memory.getSync(expiry) === undefined))
    await revoked
    await scheduler.stop()
    await commit.close()
    assert.notEqual(memory.getSync(row), undefined)
  })

  void it('of an app end its sessions in steps, so that other work gets its turn', async () => {
    const engine = await engineOn(new MemoryStore())
    await Promise.all(
      Array.from({ length: 1_000 }, (_, n) =>
        startSession(engine, request({ appId: 'app', userId: `user ${n}` })),
      ),
    )
    const ended = { inThisTurn: 0, inOneTurn: 0, inAll: 0 }
    engine.listen((event) => {
      if (event.type !== 'session-ended') return
      if (ended.inThisTurn === 0) setImmediate(() => (ended.inThisTurn = 0))
      ended.inThisTurn++
      ended.inAll++
      ended.inOneTurn = Math.max(ended.inOneTurn, ended.inThisTurn)
    }, new AbortController().signal)
    await engine.revokeApp('app', all)
    assert.equal(ended.inAll, 1_000)
    assert.ok(ended.inOneTurn <= 64, `${ended.inOneTurn} in one turn`)
    await engine.close()
  })

  void it('of a big inbox are done at once, and its messages deleted in steps, also by the next opening', async () => {
    const { store, batches } = createPowerCutStore()
    const engine = await engineOn(store)
    await Promise.all(
      Array.from({ length: 2_000 }, (_, n) =>
        engine.send(
          { appId: 'app', id: `${n}`, from: null, to: 'ada', body: 'Hello' },
          { ...rules, retention: { ...rules.retention, messages: 1e6 } },
        ),
      ),
    )
    const before = batches.length
    await engine.deleteUser(ada)
    assert.equal((await engine.inbox(ada)).offset, 0)
    await engine.close()
    const again = await engineOn(store)
    const left = async (): Promise<number> => (await store.iterator(rows.messages(ada, 1, 1e9)).all()).length
    await until('all are deleted', async () => (await left()) === 0)
    const largest = Math.max(...batches.slice(before).map(({ operations }) => operations.length))
    assert.ok(largest < 600, `${largest} operations in one batch`)
    assert.deepEqual(await again.usage('app'), { users: 0, guests: 0, inboxes: 0, bytes: 0, sessions: 0 })
    await again.close()
  })
})
