import { assert } from '@open-wc/testing'
import { LEFT_SENDS } from '../../../src/session/storage/left-sends.js'
import { createToken } from '../../../src/tokens/index.js'
import { cutScripted, recordedAt } from '../../support/gateway/gateway-commands.js'
import { until } from '../../support/until.js'
import { freeze, hide, leftSend, resume, send, show, useTab } from '../tab.js'

describe('The messages that a page leaves', () => {
  const tab = useTab()
  const { make, started, gatewayWith, arrive } = tab
  const leave = (page: string, ages: Record<string, number>): void =>
    tab.leave(
      Object.entries(ages).map(([id, age]) => leftSend(id, age)),
      { page },
    )

  it('by several pages come in the order in which they were written, before those of the next page', async () => {
    leave('c', { first: 4_000, third: 2_000 })
    leave('a', { fourth: 1_000 })
    leave('b', { second: 3_000 })
    const session = make()
    send(session, 'before the start')
    void session.start()
    send(session, 'while it starts')
    session.addEventListener('state', ({ detail }) => {
      if (detail.state === 'active') send(session, 'in the event of the start')
    })
    await arrive(
      ...['first', 'second', 'third', 'fourth'],
      ...['before the start', 'while it starts', 'in the event of the start'],
    )
  })

  it('come before those that the next page sends while it asks for its token', async () => {
    const answers: ((token: string) => void)[] = []
    const session = make({
      user: { id: 'ann' },
      tokenFetcher: () => new Promise((resolve) => answers.push(resolve)),
    })
    void session.start()
    send(session, 'own')
    // The page before stores its messages late.
    leave('a', { left: 1_000 })
    answers[0]?.('a.b.c')
    await arrive('left', 'own')
  })

  it('and those without an answer come before one that a listener sends when the connection is back', async () => {
    const session = await started()
    send(session, 'early')
    await arrive('early')
    leave('a', { left: 1_000 })
    let isSent = false
    session.addEventListener('pending', ({ detail }) => {
      if (isSent || detail.reason !== null) return
      isSent = true
      send(session, 'late')
    })
    await cutScripted(tab.endpoint)
    await until('the session has another connection', async () => (await recordedAt(tab.endpoint)).length, 2)
    await arrive('left', 'early', 'late')
  })

  for (const [where, away, back] of [
    ['at `pagehide`, before the session notices it', 'pagehide', show],
    ['at `pagehide`', 'pagehide', show],
    ['in the cache', 'pagehide', show],
    ['while it is frozen', 'freeze', resume],
  ] as const)
    it(`${where} are stored for the next page, and sent once if the page is back`, async () => {
      const session = make()
      const late = (): void => send(session, 'late')
      const target = away === 'freeze' ? document : window
      const isEarly = where.includes('before')
      if (isEarly) target.addEventListener(away, late, { once: true })
      await session.start()
      send(session, 'early')
      if (where === 'at `pagehide`') target.addEventListener(away, late, { once: true })
      if (away === 'freeze') freeze()
      else hide()
      if (where.includes('cache') || where.includes('frozen')) {
        await Promise.resolve()
        late()
      }
      const next = await started()
      assert.equal(next.pending, 2)
      await arrive('early', 'late')
      back()
      await until('the page is back', () => session.state, 'active')
      assert.equal(session.pending, 2)
      send(session, 'back')
      await arrive('early', 'late', 'back')
      assert.lengthOf(
        Object.keys(sessionStorage).filter((key) => key.startsWith(LEFT_SENDS)),
        0,
      )
    })

  it('by a guest who becomes a user, after that, are sent as the user by the next page', async () => {
    const secret = 'a secret of at least 32 bytes, for tests'
    const url = await gatewayWith({ environment: 'test', secrets: [secret], send: 'anyone' })
    const token = await createToken({ appId: 'app', userId: 'ada', secret })
    const user = { id: 'ada' }
    const former = await started({ endpoint: url, guest: true, user })
    assert.equal(former.user?.id, 'guest:ada')
    await former.end()
    former.setCredentials({ token })
    void former.start()
    send(former, 'left by the user', 'ada')
    hide()
    const next = await started({ endpoint: url, token, user })
    await until('the message is stored', () => next.pending, 0)
    const [message] = await next.history()
    assert.deepInclude(message, { id: 'left by the user', from: 'ada' })
  })
})
