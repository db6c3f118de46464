// A revocation that comes while a session is renewed with a token that it revokes.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createMemoryEngine } from '../../../src/engine/index.js'
import { startClient } from '../../support/raw-client.js'
import { startGateway } from '../../support/gateway.js'
import { tokenFor } from '../../support/tokens.js'
import { restOf } from '../../support/rest/rest-calls.js'

// At the same time: each waits until the deadline has passed.
describe('a revocation during a renewal', { concurrency: true }, () => {
  for (const held of ['changeUser', 'renewSession'] as const)
    test(`during ${held} keeps its deadline, and the revoked token is refused`, async () => {
      const engine = createMemoryEngine()
      let release: (() => void) | undefined
      let isHeld: () => void = () => undefined
      const holding = new Proxy(engine, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target)
          if (typeof value !== 'function') return value
          const call = value.bind(target) as (...args: unknown[]) => unknown
          if (name !== held) return call
          return async (...args: unknown[]) => {
            const result = await call(...args)
            if (isArmed) {
              await new Promise<void>((resolve) => {
                release = resolve
                isHeld()
              })
            }
            return result
          }
        },
      })
      let isArmed = false
      const { url } = await startGateway({}, {}, { engine: holding })
      const rest = restOf(url)
      const client = await startClient(url, { type: 'start', appId: 'app', token: await tokenFor('ada') })
      isArmed = true
      const reached = new Promise<void>((resolve) => (isHeld = resolve))
      client.send({ type: 'token', token: await tokenFor('ada', { user: { name: 'Ada' } }) })
      await reached
      await rest('DELETE', '/users/ada/sessions?mode=reauth')
      const renewed = await client.next('renewed')
      assert.deepEqual([renewed['reauth'], Number(renewed['expiresIn']) <= 10_000], [true, true])
      isArmed = false
      release?.()
      const refused = await client.next('refused')
      assert.deepEqual(
        [refused.type, refused['re'], refused['code']],
        ['refused', 'token', 'unauthenticated'],
      )
      // The deadline that the revocation has set still counts.
      const { code } = await client.end()
      assert.equal(code, 4102)
    })
})
