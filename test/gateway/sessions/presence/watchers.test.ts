// Many watchers of one user.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Watchers } from '../../../../src/gateway/sessions/presence/watchers.js'

const [bob, carl] = [
  { appId: 'app', userId: 'bob' },
  { appId: 'app', userId: 'carl' },
]

test('of changes that come faster than watchers can be told, each watcher waits for one', async () => {
  const watchers = new Watchers({
    watch: (users) => Promise.resolve(users.map((of) => ({ ...of, online: false, lastSeenAt: null }))),
    unwatch: () => undefined,
  })
  const onReload = (): void => undefined
  const seen: boolean[][] = Array.from({ length: 1_000 }, () => [])
  for (const each of seen)
    await watchers.add({ onPresence: () => each.push(watchers.presenceOf(bob).online), onReload }, 'app', [
      'bob',
    ])
  // This watcher is told last.
  const told = new Promise((onPresence) => void watchers.add({ onPresence, onReload }, 'app', ['carl']))
  for (let n = 0; n < 101; n++)
    watchers.onEvent({ type: 'presence', user: bob, online: n % 2 === 0, lastSeenAt: n })
  watchers.onEvent({ type: 'presence', user: carl, online: true, lastSeenAt: 0 })
  await told
  for (const each of seen) assert.equal(each.at(-1), true)
  const calls = seen.reduce((sum, each) => sum + each.length, 0)
  assert.ok(calls < 2 * seen.length, `${calls} calls`)
})
