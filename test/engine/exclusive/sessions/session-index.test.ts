// The index of sessions against a plain list.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SessionIndex } from '../../../../src/engine/exclusive/sessions/session-index.js'

const credential = { authMethod: 'token', tokenId: null, issuedAt: null, expiresAt: null } as const

/** A session that starts, or the session at this place among those that have not ended, which ends. */
const step = fc.oneof(
  fc.record({ appId: fc.constantFrom('one', 'two'), gap: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ ends: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }) }),
)

test('the sessions of an app come in the order of their numbers, whichever have ended', () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 300, maxLength: 600 }),
      fc.integer({ min: 1, max: 20 }),
      (steps, limit) => {
        const index = new SessionIndex()
        let sessions: {
          appId: string
          userId: string
          sessionId: string
          number: number
          credential: typeof credential
        }[] = []
        let number = 0
        for (const each of steps) {
          if ('ends' in each) {
            const ended = sessions[Math.floor(each.ends * sessions.length)]
            if (!ended) continue
            index.delete(ended)
            sessions = sessions.filter((session) => session !== ended)
          } else {
            number += each.gap
            const session = {
              appId: each.appId,
              userId: `u${number % 5}`,
              sessionId: `s${number}`,
              number,
              credential,
            }
            index.add(session)
            sessions.push(session)
          }
        }
        for (const appId of ['one', 'two']) {
          const ofApp = sessions.filter((session) => session.appId === appId)
          assert.equal(index.count(appId), ofApp.length)
          for (let after = 0; after <= number; after++)
            assert.deepEqual(
              index.inApp(appId, after, limit),
              ofApp.filter((session) => session.number > after).slice(0, limit),
            )
        }
      },
    ),
    { numRuns: 20 },
  )
})
