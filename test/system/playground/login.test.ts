import assert from 'node:assert/strict'
import { describe } from 'node:test'
import type { LoginMethodId } from '../../../src/pages/playground/settings.js'
import { itOnPlayground as it } from '../../support/sites/playground-page.js'

const accepted: [LoginMethodId, 'playground' | 'strict'][] = [
  ['token', 'playground'],
  ['token', 'strict'],
  ['token-url', 'playground'],
  ['token-url', 'strict'],
  ['signature', 'playground'],
  ['signature', 'strict'],
  ['auth-params', 'playground'],
]

const refused: [LoginMethodId, 'playground' | 'strict', string][] = [
  ['wrong-token', 'playground', 'unauthenticated'],
  ['guest', 'strict', 'guests-refused'],
  ['wrong-token', 'strict', 'unauthenticated'],
]

describe('the playground: ways to log in', () => {
  it('starts a session with each kind of credentials, in both apps, and shows a guest as one', async (playground) => {
    await playground.alone()
    for (const [way, app] of accepted) {
      await playground.start(way, 'active', app)
      assert.equal(await playground.user(), 'alice', `${way}, ${app}`)
    }
    await playground.logs(/session-started/)
    await playground.start('guest')
    assert.equal(await playground.user(), 'guest:alice')
    await playground.at.locator('.tag', { hasText: 'guest' }).waitFor()
  })

  it('explains each refusal in a sentence, with the next step', async (playground) => {
    const { alone, start, at } = playground
    const error = at.locator('#error')
    await alone()
    for (const [way, app, code] of refused) {
      await start(way, 'failed', app)
      await error.getByText(code).waitFor()
      assert.match(await error.innerText(), /What to do: \w/, way)
      assert.doesNotMatch(await error.innerText(), /http/, way)
    }
    await playground.logs(/session-failed/)
    await start('token')
    await playground.choose('auth-params')
    await at.getByLabel('Password').fill('open barley')
    await playground.press('Start again with these settings')
    await error.getByText('unauthenticated').waitFor()
  })

  it('refreshes tokens that are valid for 10 s, by tokenFetcher and by token-url', async (playground) => {
    const sources = [
      ['token-fetcher', /tokenFetcher\s+expiring: a token/],
      ['token-and-url', /token-url\s+was requested/],
    ] as const
    const users = sources.map(([way, asked], index) => ({ way, asked, ...playground.panel(index) }))
    const former: string[] = []
    for (const { way, start, sessionId, open } of users) {
      await start(way)
      former.push(await sessionId())
      await open('Events')
    }
    for (const { asked, at } of users)
      // The second request renews the second token. By then the first token has expired.
      await at.locator('.log li').filter({ hasText: asked }).nth(1).waitFor()
    for (const { reaches } of users) await reaches('active')
    assert.deepEqual(await Promise.all(users.map(({ sessionId }) => sessionId())), former)
  })

  it('without credentials gets session-token-needed: a token starts the session, and null fails it', async (playground) => {
    const { alone, start, logs, press, reaches, at } = playground
    await alone()
    await start('nothing', 'starting')
    await logs(/session-token-needed\s+first/)
    await press('Answer null: signed out')
    await reaches('failed')
    await at.locator('#error').getByText('signed-out').waitFor()
    await start('nothing', 'starting')
    await press('Answer with a token')
    await reaches('active')
    assert.equal(await at.locator('#question').count(), 0)
  })

  it('ends a session after a log-out at its token source, and starts a new session; another user’s session goes on', async (playground) => {
    const bob = playground.panel(1)
    await playground.start('token-fetcher')
    await bob.start('token-fetcher')
    await playground.press('Log out of the source')
    await playground.reaches('ended')
    await playground.at.locator('#error').getByText('signed-out').waitFor()
    await bob.logs(/tokenFetcher\s+expiring: a token/)
    await bob.reaches('active')
    await playground.press('Start again with these settings')
    await playground.reaches('active')
  })
})
