import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { peerParser } from '../../../../../src/engine/single-process/messages/peers/peer-parser.js'
import { trickyIds } from '../../../../../src/engine/suite/kit.js'
import { peerMessageOf } from '../../../../../src/engine/util/peer-index.js'

const keys = ['","from":"x","to":"y', '","to":', '\\', '\\"', '",', '{"id":"', ',"from":null', '"]', ',1]']
const text = fc.oneof(fc.constantFrom(...trickyIds, ...keys), fc.string({ unit: 'binary' }))

void it('whom a message is with is what its JSON says, whatever the ids and texts are', () => {
  fc.assert(
    fc.property(
      fc.record({ id: text, from: fc.option(text), to: text, body: text, owner: text }),
      fc.constantFrom('from', 'to', 'owner'),
      fc.boolean(),
      fc.nat(2),
      ({ id, from, to, body, owner }, whose, isRead, order) => {
        const user = whose === 'from' ? (from ?? owner) : whose === 'to' ? to : owner
        const message = { id, from, to, sender: null, body, sentAt: 1 }
        // Another version may write keys in another order.
        const orders = [
          message,
          { to, id, body, from, sender: null, sentAt: 1 },
          { id, body, from, sentAt: 1, to, sender: null },
        ]
        const row = [1, 2, 3, 4, 5, orders[order], ...(isRead ? [1] : [])]
        assert.deepEqual(peerParser(user)(JSON.stringify(row)), peerMessageOf(user, from, to, isRead))
      },
    ),
    { numRuns: 2_000 },
  )
})
