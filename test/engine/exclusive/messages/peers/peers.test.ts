import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Engine } from '../../../../../src/engine/index.js'
import { MemoryStore } from '../../../../../src/engine/memory/memory-store.js'
import { Inbox } from '../../../../../src/engine/exclusive/messages/inbox.js'
import { PeerMarks } from '../../../../../src/engine/exclusive/messages/peers/peer-marks.js'
import { GroupCommit } from '../../../../../src/engine/exclusive/store/group-commit.js'
import { Reads } from '../../../../../src/engine/exclusive/store/reads.js'
import { engineOn, rules, withStore } from '../../../../support/engine/stores.js'

const ada = { appId: 'app', userId: 'ada' }
const RETAINED = 100

const exchange = async (engine: Engine, count: number): Promise<void> => {
  const retention = { ...rules.retention, messages: RETAINED }
  for (let n = 0; n < count; n++) {
    const peer = `peer ${n % 7}`
    const [from, to] = n % 3 === 0 ? ['ada', peer] : [n % 5 === 0 ? null : peer, 'ada']
    await engine.send({ appId: 'app', id: `${n}`, from, to, body: 'Hello' }, { ...rules, retention })
  }
}

const viewOf = async (engine: Engine): Promise<unknown> => {
  const [first, all] = [await engine.peers(ada, null, 3), await engine.peers(ada, null, 50)]
  const history = await engine.messagesWith(ada, 'peer 1', { before: null }, 10)
  return { first, all, history, exchanges: await engine.exchanges(ada, [null, 'peer 0', 'nobody']) }
}

void describe('the peers of an inbox', () => {
  void it('are found if no memory is left for what a read has found', async () => {
    const rowsThere = new MemoryStore()
    const store = withStore(rowsThere, { close: () => Promise.resolve() })
    const engine = await engineOn(store, { cacheBytes: 1 })
    await exchange(engine, 3 * RETAINED)
    const view = await viewOf(engine)
    await engine.close()
    const next = await engineOn(store, { cacheBytes: 1e6 })
    assert.deepEqual(await viewOf(next), view)
    await next.close()
  })

  void it('keep a mark that is set and written while the marks that no longer matter are read', async () => {
    const memory = new MemoryStore()
    const set = async (peer: string, offset: number): Promise<void> => {
      marks.set(inbox, peer, offset, offset)
      await commit.flush()
    }
    let isPruning = false
    const store = withStore(memory, {
      iterator: (range) => {
        const read = memory.iterator(range)
        if (!isPruning) return read
        return {
          all: async () => {
            await set('bob', 1)
            await set('cyd', 1)
            return read.all()
          },
        }
      },
    })
    const commit = new GroupCommit(store, () => assert.fail())
    const marks = new PeerMarks(commit)
    const inbox = new Inbox(ada, 0, '', store, false)
    await set('bob', 0)
    isPruning = true
    await marks.prune(inbox, new Reads(store))
    await commit.flush()
    assert.deepEqual(marks.of(inbox, 'bob'), [1, 1])
    await commit.close()
  })
})
