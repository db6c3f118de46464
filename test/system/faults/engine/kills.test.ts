import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CheckedMessage, SendResult } from '../../../../src/engine/index.js'
import type { Message } from '../../../../src/protocol/index.js'
import { inChild, killed } from '../../../support/engine/children.js'
import { everything, opened } from '../../../support/engine/opened.js'
import { rules } from '../../../support/engine/stores.js'
import { scratchFolder } from '../../../support/scratch-folder.js'

void describe('an embedded engine that is killed repeatedly while many users send', () => {
  const name = 'has every acknowledged message once at its offset, and epochs and offsets go on'
  void it(name, async () => {
    const path = scratchFolder()
    const acknowledged: { draft: CheckedMessage; sent: SendResult }[] = []
    const epochs = new Set<string>()
    for (let run = 0; run < 10; run++) {
      const child = inChild('send', path, {}, `${run}`)
      const before = acknowledged.length
      // Each run kills the process at a different moment, but not before a message was sent.
      const enough = before + 5 + Math.floor(Math.random() * 300)
      await new Promise<void>((resolve, reject) => {
        child.once('exit', () => reject(new Error('the child ended by itself')))
        child.on('message', (message) => {
          acknowledged.push(message as { draft: CheckedMessage; sent: SendResult })
          if (acknowledged.length === enough) {
            child.removeAllListeners('exit')
            resolve()
          }
        })
      })
      await killed(child)
      const engine = await opened(path)
      epochs.add((await engine.inbox({ appId: 'app', userId: 'a' })).epoch)
      const inboxes = new Map<string, Message[]>()
      for (const user of ['a', 'b', 'c', 'd']) {
        const messages = await everything(engine, user)
        assert.equal(new Set(messages.map(({ id }) => id)).size, messages.length, 'none twice')
        assert.ok((await engine.sessions({ appId: 'app', userId: user })).length <= 3)
        inboxes.set(user, messages)
      }
      for (const { draft, sent } of acknowledged) {
        assert.ok(sent.outcome === 'stored')
        const { id, from, to, body } = draft
        for (const [user, offset] of [
          [to, sent.offset],
          [from, sent.ownOffset],
        ] as const) {
          const found = inboxes.get(user ?? '')?.[(offset ?? 0) - 1]
          assert.deepEqual([found?.id, found?.body, found?.sentAt], [id, body, sent.sentAt])
        }
      }
      const [last] = acknowledged.slice(-1)
      assert.ok(last)
      const again = await engine.send(last.draft, rules)
      assert.deepEqual(again, { ...last.sent, outcome: 'repeated' })
      // Either both copies are stored or none.
      const copies = new Map<string, number>()
      for (const { id } of [...inboxes.values()].flat()) copies.set(id, (copies.get(id) ?? 0) + 1)
      assert.deepEqual(new Set(copies.values()), new Set([2]))
      await engine.close()
    }
    assert.equal(epochs.size, 1)
  })
})
