import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ClassicLevel } from 'classic-level'
import { GroupCommit } from '../../../../src/engine/exclusive/store/group-commit.js'
import { EngineError } from '../../../../src/engine/errors.js'
import { MemoryStore } from '../../../../src/engine/memory/memory-store.js'
import { put, type Operation, type Store } from '../../../../src/engine/exclusive/store/store.js'
import { scratchFolder } from '../../../support/scratch-folder.js'
import { withStore } from '../../../support/engine/stores.js'

const openStore = async (): Promise<ClassicLevel> => {
  const store = new ClassicLevel(scratchFolder())
  await store.open()
  return store
}

interface Written {
  operations: Operation[]
  sync: boolean
  done: boolean
}

/** The same store with a record of every batch. */
const observed = (store: Store): { store: Store; batches: Written[] } => {
  const batches: Written[] = []
  return {
    batches,
    store: withStore(store, {
      batch: async (operations, options) => {
        assert.ok(
          batches.every(({ done }) => done),
          'only one batch is in flight',
        )
        const batch = { operations, sync: options.sync, done: false }
        batches.push(batch)
        await store.batch(operations, options)
        batch.done = true
      },
    }),
  }
}

const unexpected = (failure: EngineError): void => assert.fail(failure)

void describe('the group commit', () => {
  void it('lets many writes share a sync, and resolves each after its own sync', async () => {
    const { store, batches } = observed(await openStore())
    const commit = new GroupCommit(store, unexpected)
    const writes = 1_000
    const write = async (n: number): Promise<void> => {
      await commit.sync([put(`key ${n}`, n)])
      const mine = batches.filter(({ operations }) => operations.some(({ key }) => key === `key ${n}`))
      assert.deepEqual(
        mine.map(({ sync, done }) => ({ sync, done })),
        [{ sync: true, done: true }],
      )
    }
    // Ten groups of writes, each begun while the previous group is written.
    const waves: Promise<void>[] = []
    for (let n = 0; n < writes; n++) {
      if (n % 100 === 0) await nextTurn()
      waves.push(write(n))
    }
    await Promise.all(waves)
    await commit.close()
    assert.ok(batches.length <= writes / 20, `${batches.length} batches for ${writes} writes`)
    assert.equal(store.getSync('key 999'), '999')
    await store.close()
  })

  void it('writes deferred writes by itself, within milliseconds, in one batch', async () => {
    const { store, batches } = observed(await openStore())
    const commit = new GroupCommit(store, unexpected)
    const asked = new Promise<void>((resolve) => {
      commit.defer('a', (batch) => {
        batch.push(put('a', 1))
        resolve()
      })
    })
    commit.defer('b', (batch) => batch.push(put('b', 2)))
    assert.equal(batches.length, 0)
    await asked
    assert.deepEqual(
      batches.map(({ operations, sync }) => [operations.length, sync]),
      [[2, false]],
    )
    await commit.close()
    await store.close()
  })

  void it('adds deferred writes to the batch of a synced one, as they are then, and each once', async () => {
    const { store, batches } = observed(await openStore())
    const commit = new GroupCommit(store, unexpected)
    let value = 1
    commit.defer('a', () => assert.fail('a later write of its name replaced it'))
    commit.defer('a', (batch) => batch.push(put('a', value)))
    commit.defer('nothing', () => undefined)
    value = 2
    await commit.sync([put('b', 1)])
    assert.deepEqual(
      batches.map(({ operations, sync }) => [operations.map(({ key }) => key), sync]),
      [[['b', 'a'], true]],
    )
    assert.equal(store.getSync('a'), '2')
    await commit.close()
    assert.equal(batches.length, 1)
    await store.close()
  })

  void it('gathers spaced writes and flushes that come in one turn after the other', async () => {
    const { store, batches } = observed(await openStore())
    const commit = new GroupCommit(store, unexpected)
    const waiting: Promise<void>[] = []
    for (let n = 0; n < 200; n++) {
      waiting.push(n % 2 === 0 ? commit.syncSpaced([put(`key ${n}`, n)]) : commit.flush())
      await nextTurn()
    }
    await Promise.all(waiting)
    assert.ok(batches.length <= 50, `${batches.length} batches`)
    assert.ok(batches.every(({ sync }) => sync))
    assert.equal(store.getSync('key 198'), '198')
    await commit.close()
    await store.close()
  })

  void it('begins a batch at once for an urgent write, with the spaced writes that wait', async () => {
    const { store, batches } = observed(await openStore())
    const commit = new GroupCommit(store, unexpected)
    await commit.syncSpaced([put('first', 1)])
    const spaced = commit.syncSpaced([put('spaced', 2)])
    await commit.sync([put('urgent', 3)])
    await spaced
    assert.deepEqual(
      batches.map(({ operations }) => operations.map(({ key }) => key)),
      [['first'], ['spaced', 'urgent']],
    )
    await commit.close()
    await store.close()
  })

  void it('writes the spaced writes that wait when it is closed', async () => {
    const { store } = observed(await openStore())
    const commit = new GroupCommit(store, unexpected)
    await commit.syncSpaced([put('first', 1)])
    const [spaced, flushed] = [commit.syncSpaced([put('spaced', 2)]), commit.flush()]
    await commit.close()
    await Promise.all([spaced, flushed])
    assert.equal(store.getSync('spaced'), '2')
    await store.close()
  })

  void it('keeps the order of writes', async () => {
    const { store, batches } = observed(await openStore())
    const commit = new GroupCommit(store, unexpected)
    const given: string[] = []
    const waiting: Promise<void>[] = []
    for (let n = 0; n < 200; n++) {
      given.push(JSON.stringify(n))
      waiting.push(commit.sync([put('key', n)]))
      if (n % 50 === 0) await waiting.at(-1)
    }
    await Promise.all(waiting)
    await commit.close()
    const written = batches.flatMap(({ operations }) =>
      operations.map((operation) => (operation.type === 'put' ? operation.value : assert.fail())),
    )
    assert.deepEqual(written, given)
    assert.equal(store.getSync('key'), '199')
    await store.close()
  })

  void it('writes everything that was passed before the close, and refuses later writes', async () => {
    const store = await openStore()
    const commit = new GroupCommit(store, unexpected)
    const given = commit.sync([put('a', 1)])
    commit.defer('b', (batch) => batch.push(put('b', 2)))
    const closed = commit.close()
    await assert.rejects(commit.sync([put('c', 3)]), { name: 'EngineError', code: 'unavailable' })
    assert.throws(() => commit.assertWritable(), { name: 'EngineError', code: 'unavailable' })
    await given
    await closed
    assert.deepEqual(await store.keys().all(), ['a', 'b'])
    await store.close()
  })

  void it('refuses writes after a deferred write has failed, and resolves a flush all the same', async () => {
    const store = await openStore()
    const failures: EngineError[] = []
    const commit = new GroupCommit(store, (failure) => failures.push(failure))
    await store.close()
    commit.defer('a', (batch) => batch.push(put('a', 1)))
    const first = commit.flush()
    await nextTurn()
    const second = commit.flush()
    await first
    assert.equal(failures.length, 1)
    assert.throws(() => commit.assertWritable(), failures[0])
    await second
    await commit.flush()
  })

  void it('rejects every write of a failed batch and every later one, and reports the failure once', async () => {
    const store = await openStore()
    const failures: EngineError[] = []
    const later: Promise<void>[] = []
    let failing = false
    const batch: Store['batch'] = async (operations, options) => {
      // These writes come while the batch that fails is being written.
      if (failing) later.push(commit.sync([put('d', 4)]))
      await store.batch(operations, options)
    }
    const commit = new GroupCommit({ ...observed(store).store, batch }, (failure) => failures.push(failure))
    await commit.sync([put('a', 1)])
    // A closed store fails every batch.
    await store.close()
    failing = true
    const writers = [commit.sync([put('b', 2)]), commit.sync([put('c', 3)])]
    const results = [...(await Promise.allSettled(writers)), ...(await Promise.allSettled(later))]
    const [failure] = failures
    assert.ok(failure instanceof EngineError)
    assert.equal(failure.code, 'unavailable')
    assert.ok(failure.cause instanceof Error)
    assert.equal(results.length, 3)
    for (const result of results) assert.equal(result.status === 'rejected' && result.reason, failure)
    await store.open()
    await assert.rejects(commit.sync([put('e', 5)]), failure)
    assert.throws(() => commit.assertWritable(), failure)
    commit.defer('g', (batch) => batch.push(put('g', 7)))
    await commit.close()
    assert.deepEqual(failures, [failure])
    assert.deepEqual(await store.keys().all(), ['a'])
    await store.close()
  })

  void it('reports one failure if its volume is gone while a batch is written', async () => {
    const store = await openStore()
    const failures: EngineError[] = []
    const gone = new EngineError('unavailable', 'The folder is gone.')
    let isPresent = true
    const commit = new GroupCommit(
      withStore(store, {
        async batch(operations, options) {
          isPresent = false
          commit.verify()
          await store.batch(operations, options)
        },
      }),
      (failure) => failures.push(failure),
      () => {
        if (!isPresent) throw gone
      },
    )
    await assert.rejects(commit.sync([put('a', 1)]), gone)
    assert.deepEqual(failures, [gone])
    await commit.close()
    await store.close()
  })

  void it('counts no batch as written that its volume has lost before the batch began', async () => {
    const store = await openStore()
    const gone = new EngineError('unavailable', 'The folder is gone.')
    const commit = new GroupCommit(
      store,
      () => undefined,
      () => {
        throw gone
      },
    )
    const written = commit.sync([put('a', 1)])
    commit.verify()
    await assert.rejects(written, gone)
    await commit.close()
    assert.equal(commit.isWritten('a'), false)
    await store.close()
  })

  void it('says that something was appended when its own batch is written, not an earlier one', async () => {
    const memory = new MemoryStore()
    const written: string[] = []
    let release = (): void => undefined
    const released = new Promise<void>((resolve) => (release = resolve))
    const store = withStore(memory, {
      batch: async (operations) => {
        await released
        await memory.batch(operations)
        written.push(...operations.map(({ key }) => key))
      },
    })
    const commit = new GroupCommit(store, () => undefined)
    const first = commit.sync([put('a', 1)])
    await nextTurn()
    const told = new Promise<string[]>((resolve) => {
      commit.append([put('b', 1)], () => resolve([...written]))
    })
    release()
    await first
    assert.deepEqual(await told, ['a', 'b'])
    await commit.close()
  })

  void it('writes in its last batch what was so when it was closed', async () => {
    const store = await openStore()
    const commit = new GroupCommit(store, unexpected)
    let state = 'before'
    const first = commit.sync([put('first', 1)])
    await nextTurn()
    commit.defer('state', (batch) => batch.push(put('state', state)))
    const closed = commit.close()
    state = 'after'
    await Promise.all([first, closed])
    assert.equal(store.getSync('state'), JSON.stringify('before'))
    await store.close()
  })

  void it('forgets what a failed batch did not write, except what it keeps for the next commit', async () => {
    const memory = new MemoryStore()
    await memory.batch([put('a', 'old')])
    const store = withStore(memory, { batch: () => Promise.reject(new Error('The disk is full.')) })
    const failed = new GroupCommit(store, () => undefined)
    let state = 1
    failed.deferKept('state', (batch) => batch.push(put('state', state)))
    failed.defer('part', (batch) => batch.push(put('part', state)))
    failed.keep([put('kept', 1)])
    await assert.rejects(failed.sync([put('a', 'new')]))
    failed.append([put('b', 1)])
    failed.keep([put('kept later', 2)])
    const valuesIn = (commit: GroupCommit): unknown[] =>
      ['a', 'b', 'kept', 'kept later'].map((row) => commit.newest(row))
    assert.deepEqual(valuesIn(failed), ['old', undefined, 1, 2])
    const next = new GroupCommit(memory, unexpected)
    next.takeOver(failed)
    assert.deepEqual(valuesIn(next), ['old', undefined, 1, 2])
    state = 2
    await next.close()
    assert.deepEqual(
      ['kept', 'kept later', 'state', 'part'].map((row) => memory.getSync(row)),
      ['1', '2', '2', undefined],
    )
  })

  void it('is idle when whoever waited for a write has gone on, and has written what follows', async () => {
    const memory = new MemoryStore()
    const commit = new GroupCommit(memory, unexpected)
    void commit.sync([put('a', 1)]).then(() => commit.sync([put('b', 2)]))
    await commit.idle()
    assert.equal(memory.getSync('b'), '2')
    await commit.close()
    await commit.idle()
  })

  void it('refuses writes after a change that was made in part', async () => {
    const failures: EngineError[] = []
    const commit = new GroupCommit(new MemoryStore(), (failure) => failures.push(failure))
    assert.equal(
      commit.change(() => 'whole'),
      'whole',
    )
    const unreadable = new EngineError('unavailable', 'A read has failed.')
    const change = (): never => {
      throw unreadable
    }
    assert.throws(() => commit.change(change), unreadable)
    assert.deepEqual(failures, [unreadable])
    await assert.rejects(commit.sync([put('a', 1)]), unreadable)
  })
})
