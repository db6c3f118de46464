// What a session tells the gateway of this browser's guest. `test/element/adoption.browser.ts` has it with a gateway.
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { internalsOf } from '../internals-of.js'
import { newSession } from '../../support/clients/client-sessions.js'
import { started, startScript } from '../scripted.js'

const guest = { ...started(), guest: true, token: 'the guest' }
const key = (endpoint: string): string => JSON.stringify(['chat-session', endpoint, 'app'])

/** As `localStorage` of a page: what is stored are its properties. */
const stored = Object.create({
  getItem(this: Record<string, string>, name: string) {
    return Object.hasOwn(this, name) ? this[name] : null
  },
  setItem(this: Record<string, string>, name: string, value: string) {
    this[name] = value
  },
  removeItem(this: Record<string, string>, name: string) {
    Reflect.deleteProperty(this, name)
  },
}) as Record<string, string>
Object.defineProperty(globalThis, 'localStorage', { value: stored })
afterEach(() => {
  for (const name of Object.keys(stored)) Reflect.deleteProperty(stored, name)
})

test('a start has the token of the guest until the gateway has answered', async () => {
  const answers = [started(), started({ adopted: null })]
  const { endpoint, connections } = await startScript((number) => [answers[number] ?? started()])
  stored[key(endpoint)] = 'the guest'
  for (const adopt of ['the guest', 'the guest', undefined]) {
    const session = newSession({ endpoint, appId: 'app', token: 'a.b.c', adoptGuest: true })
    await session.start()
    assert.equal(connections.at(-1)?.start.adopt, adopt)
    await session.end()
  }
})

test('a guest is kept from the start to `end()`, and is no proof of who a guest is', async () => {
  const { endpoint, connections } = await startScript(() => [guest])
  const session = newSession({ endpoint, appId: 'app', guest: true, adoptGuest: true })
  await session.start()
  assert.equal(connections[0]?.start.adopt, undefined)
  assert.equal(stored[key(endpoint)], 'the guest')
  await internalsOf(session).close()
  assert.equal(stored[key(endpoint)], 'the guest')
  const again = newSession({ endpoint, appId: 'app', guest: true, adoptGuest: true })
  await again.start()
  assert.equal(connections[1]?.start.adopt, undefined)
  await again.end()
  assert.deepEqual(Object.keys(stored), [])
})

test('without `adoptGuest` a guest is not kept, and a start asks for none', async () => {
  const { endpoint, connections } = await startScript((number) => [number === 0 ? guest : started()])
  await newSession({ endpoint, appId: 'app', guest: true }).start()
  assert.deepEqual(Object.keys(stored), [])
  stored[key(endpoint)] = 'the guest'
  await newSession({ endpoint, appId: 'app', token: 'a.b.c' }).start()
  assert.equal(connections[1]?.start.adopt, undefined)
})
