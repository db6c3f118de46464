import assert from 'node:assert/strict'
import type { Engine, SessionRecord } from '../engine.js'
import { ada, app, idsOf, start, trickyIds, type SuiteContext } from './kit.js'

/** Reads all users of an app page by page, and calls `between` after each page. */
const allUsers = async (
  engine: Engine,
  limit: number,
  between: (page: number) => Promise<unknown> = () => Promise.resolve(),
): Promise<string[]> => {
  const found: string[] = []
  for (let after: string | null = null, page = 1; ; page++) {
    const users = await engine.users(app, after, limit)
    assert.ok(users.length <= limit)
    found.push(...users.map(({ userId }) => userId))
    if (users.length < limit) return found
    after = found.at(-1) ?? null
    await between(page)
  }
}

const allSessions = async (
  engine: Engine,
  limit: number,
  between: (page: number) => Promise<unknown> = () => Promise.resolve(),
): Promise<SessionRecord[]> => {
  const found: SessionRecord[] = []
  for (let after: string | null = null, page = 1; ; page++) {
    const { sessions, next } = await engine.appSessions(app, after, limit)
    assert.ok(sessions.length <= limit)
    found.push(...sessions)
    if (next === null) return found
    after = next
    await between(page)
  }
}

/** A part of the suite: lists by pages. */
export const listsSuite = ({ describe, on, reopen, durable, ordered = true }: SuiteContext): void => {
  /**
   * Returns the ids of sessions, for the comparison of two lists. Sorts the sessions by user unless the list must be in order as a whole.
   */
  const inOrder = (sessions: SessionRecord[]): string[] =>
    idsOf(
      ordered
        ? sessions
        : sessions.toSorted((a, b) => (a.userId < b.userId ? -1 : a.userId > b.userId ? 1 : 0)),
    )

  describe('the list of users', () => {
    on('has every user of the app once, whatever the id and the page', async (engine) => {
      await Promise.all(trickyIds.map((userId) => engine.saveUser({ appId: app, userId }, {})))
      await engine.saveUser({ appId: 'app2', userId: 'another' }, {})
      await engine.saveUser({ appId: 'ap', userId: 'p\u{FFFF}' }, {})
      for (const limit of [1, 2, 7, trickyIds.length, 100])
        assert.deepEqual((await allUsers(engine, limit)).toSorted(), trickyIds.toSorted())
      assert.deepEqual(await engine.users('app3', null, 10), [])
    })

    on('is in the order of ids, and has the whole record', async (engine) => {
      for (const userId of ['c', 'a', 'b']) await engine.saveUser({ appId: app, userId }, {})
      const all = await allUsers(engine, 2)
      assert.deepEqual(ordered ? all : all.toSorted(), ['a', 'b', 'c'])
      assert.deepEqual(await allUsers(engine, 1), all)
      const [one = '', another = ''] = all
      const [next] = await engine.users(app, one, 1)
      assert.deepEqual(next, await engine.user({ appId: app, userId: another }))
    })

    on('skips and repeats nobody when users come and go between two pages', async (engine) => {
      for (const userId of ['b', 'd', 'f', 'h']) await engine.saveUser({ appId: app, userId }, {})
      const before = await allUsers(engine, 100)
      const deleted = before[1] ?? ''
      const found = await allUsers(engine, 2, async (page) => {
        if (page > 1) return
        await engine.deleteUser({ appId: app, userId: deleted })
        await engine.saveUser({ appId: app, userId: 'a' }, {})
        await engine.saveUser({ appId: app, userId: 'g' }, {})
      })
      if (ordered) assert.deepEqual(found, ['b', 'd', 'f', 'g', 'h'])
      assert.deepEqual(
        found.filter((userId) => before.includes(userId)),
        before,
      )
      assert.equal(new Set(found).size, found.length)
    })
  })

  describe("the list of an app's sessions", () => {
    on('has each once, oldest first', async (engine) => {
      const started: SessionRecord[] = []
      for (let n = 0; n < 10; n++) started.push(await start(engine, { appId: app, userId: `user ${n % 3}` }))
      await start(engine, { ...ada, appId: 'app2' })
      const all = await allSessions(engine, 100)
      for (const limit of [1, 3, 10]) assert.deepEqual(await allSessions(engine, limit), all)
      assert.deepEqual(inOrder(all), inOrder(started))
      assert.deepEqual(await engine.appSessions('app3', null, 10), { sessions: [], next: null })
      if (!durable) return
      await reopen(engine)
      assert.deepEqual(idsOf(await allSessions(engine, 3)), idsOf(all))
    })

    on('skips and repeats none when sessions start and end between two pages', async (engine) => {
      const started: SessionRecord[] = []
      for (let n = 0; n < 200; n++) started.push(await start(engine, { appId: app, userId: `user ${n}` }))
      const listed = await allSessions(engine, 1_000)
      assert.deepEqual(inOrder(listed), inOrder(started))
      const more: SessionRecord[] = []
      const found = await allSessions(engine, 20, async (page) => {
        if (page !== 2) return
        for (const session of listed.slice(0, 150)) await engine.endSession(session, 'ended')
        more.push(await start(engine, ada))
      })
      const kept = idsOf([...listed.slice(0, 40), ...listed.slice(150)])
      // In an ordered list the session that starts after two pages comes last. In an unordered list it is perhaps on a page that was read
      // already.
      const [late] = idsOf(more)
      assert.deepEqual(
        idsOf(found).filter((id) => id !== late),
        kept,
      )
      if (ordered) assert.equal(idsOf(found).at(-1), late)
    })
  })
}
