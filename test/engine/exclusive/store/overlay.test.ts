import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MessageDel, MessagePut } from '../../../../src/engine/exclusive/messages/message-operations.js'
import { Overlay } from '../../../../src/engine/exclusive/store/overlay.js'
import { del, put, type Operation } from '../../../../src/engine/exclusive/store/store.js'

type Step = { add: Operation[] } | { keep: Operation[] } | 'begin' | 'end' | 'drop'

/** What the overlay has of a row: the value, `deleted`, or undefined if the store has the newest row. */
const stateOf = (overlay: Overlay, row: string): string | undefined => {
  const operation = overlay.get(row)
  return operation?.type === 'put' ? operation.value : operation && 'deleted'
}

const after = (steps: readonly Step[]): Overlay => {
  const overlay = new Overlay()
  for (const step of steps) {
    if (step === 'begin') overlay.begin([])
    else if (typeof step === 'string') overlay[step]()
    else if ('add' in step) overlay.add(step.add)
    else for (const operation of step.keep) overlay.keep(operation.key, operation)
  }
  return overlay
}

const one = { add: [put('a', 1)] }
const two = { add: [put('a', 2)] }
const gone = { add: [del('a')] }
const told = { keep: [put('a', 3)] }

const cases: [what: string, steps: Step[], expected: string | undefined][] = [
  ['nothing', [], undefined],
  ['a row that waits for its batch', [one], '1'],
  ['the latest of two operations', [one, two], '2'],
  ['a deletion', [one, gone], 'deleted'],
  ['a row that is being written', [one, 'begin'], '1'],
  ['what has come since its batch began', [one, 'begin', two], '2'],
  ['a deletion since its batch began', [one, 'begin', gone], 'deleted'],
  ['nothing of what is written', [one, 'begin', 'end'], undefined],
  ['what has come since, when the batch is written', [one, 'begin', two, 'end'], '2'],
  ['nothing of a batch that has failed', [one, 'begin', two, 'drop'], undefined],
  ['what is kept, when its batch has failed', [told, 'begin', 'drop'], '3'],
  ['what is kept, when an earlier batch has failed', [one, 'begin', told, 'drop'], '3'],
  ['what is kept, and not what was to overwrite it', [told, two, 'begin', gone, 'drop'], '3'],
  ['what is kept after the failure', [one, 'begin', 'drop', told], '3'],
  ['nothing of what was kept and is written', [told, 'begin', 'end', two, 'drop'], undefined],
]

void describe('the overlay', () => {
  for (const [what, steps, expected] of cases)
    void it(`has ${what}`, () => assert.equal(stateOf(after(steps), 'a'), expected))

  void it('says of a row whether the store has it as it is in memory, also after a failure', () => {
    const overlay = new Overlay()
    const areWritten = (): boolean[] => ['named', 'other', 'row'].map((row) => overlay.isWritten(row))
    overlay.defer('named', (batch) => batch.push(put('other', 1)))
    overlay.add([put('row', 1)])
    assert.deepEqual(areWritten(), [false, true, false])
    overlay.begin([])
    assert.deepEqual(areWritten(), [false, false, false])
    overlay.end()
    assert.deepEqual(areWritten(), [true, true, true])
    overlay.defer('named', () => undefined)
    overlay.begin([])
    overlay.add([put('row', 1)])
    overlay.drop()
    assert.deepEqual(areWritten(), [false, true, false])
  })

  void it('keeps the latest of each row', () => {
    const overlay = after([told, 'begin', { keep: [del('b')] }, { keep: [put('a', 4)] }, 'drop'])
    assert.deepEqual([...overlay.kept.values()], [put('a', 4), del('b')])
  })

  void it('leaves out messages, whose newest state is in memory', () => {
    const sums = { at: 1, received: 0, bytes: 0, size: 1, first: 1 }
    const operations = [new MessagePut('message\0', 1, sums, '{}'), new MessageDel('message\0', 1)]
    for (const operation of operations) {
      const overlay = after([{ add: [operation] }])
      assert.equal(overlay.get(operation.key), undefined)
    }
  })
})
