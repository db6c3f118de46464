import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  attached,
  detached,
  goesOffline,
  isOver,
  isResumedBy,
  keysAfter,
  type Connected,
} from '../../../src/engine/decide/sessions/session.js'
import { engineRules } from '../../../src/engine/rules.js'

const { offlineAfter } = engineRules
const active = attached('a', 60_000)
const lost = detached(active, 7, 1_000)

void describe('a session', () => {
  void it('without a connection keeps its number, ends after its window, and is offline after 20 seconds', () =>
    assert.deepEqual(lost, {
      ...{ connectionId: null, detached: 7, resumableFor: 60_000, offline: false },
      ...{ expiresAt: 61_000, offlineAt: 1_000 + offlineAfter },
    }))

  void it('that is resumed has no deadline', () =>
    assert.deepEqual(attached('b', 5), {
      ...{
        connectionId: 'b',
        detached: null,
        resumableFor: 5,
        expiresAt: null,
        offlineAt: null,
        offline: false,
      },
    }))

  void it('that is loaded keeps the number of its detachment, and its window begins again', () =>
    assert.deepEqual(detached(lost, 9, 5_000), {
      ...lost,
      expiresAt: 65_000,
      offlineAt: 5_000 + offlineAfter,
    }))

  void it('that was offline before it is loaded does not make its user online again', () =>
    assert.deepEqual(detached({ ...lost, offline: true, offlineAt: null }, 9, 5_000), {
      ...{ ...lost, offline: true, offlineAt: null, expiresAt: 65_000 },
    }))

  const times: [what: string, session: Connected, now: number, over: boolean, offline: boolean][] = [
    ['with a connection neither ends nor goes offline', active, 1e12, false, false],
    ['goes offline not before its time', lost, 999 + offlineAfter, false, false],
    ['goes offline at its time', lost, 1_000 + offlineAfter, false, true],
    ['goes offline once', { ...lost, offline: true }, 30_000, false, false],
    ['ends not before its window is over', { ...lost, offline: true }, 60_999, false, false],
    ['ends when its window is over', { ...lost, offline: true }, 61_000, true, false],
  ]
  for (const [what, session, now, over, offline] of times)
    void it(what, () => {
      assert.equal(isOver(session, now), over)
      assert.equal(goesOffline(session, now), offline)
    })
})

void describe('the resume keys of a session', () => {
  const first = { keyHash: 'a', previousKeyHash: null }
  const second = keysAfter(first, 'a', 'b')
  const again = keysAfter(second, 'a', 'c')
  const keys: [what: string, keys: typeof again, valid: string[]][] = [
    ['are the one that it began with', first, ['a']],
    ['are the new one and the one that has resumed it', second, ['a', 'b']],
    ['are both answers, if two starts have sent the same key', again, ['a', 'b', 'c']],
    ['are the new one and its predecessor later', keysAfter(again, 'c', 'd'), ['c', 'd']],
  ]
  for (const [what, of, valid] of keys)
    void it(what, () =>
      assert.deepEqual(
        ['a', 'b', 'c', 'd', 'e', ''].filter((key) => isResumedBy(of, key)),
        valid,
      ),
    )
})
