import assert from 'node:assert/strict'
import { describe } from 'node:test'
import type { WayId } from '../../demo/playground/choice.js'
import { SOON, itOnPlayground as it, textOf, type Playground } from './playground-page.js'

const codeOf = ({ page }: Playground): Promise<string> => page.locator('live-state #error code').innerText()

describe('the playground: ways to log in', () => {
  const lets: [WayId, 'playground' | 'strict'][] = [
    ['token', 'playground'],
    ['token', 'strict'],
    ['token-url', 'playground'],
    ['token-url', 'strict'],
    ['signature', 'playground'],
    ['signature', 'strict'],
    ['auth-params', 'playground'],
  ]
  for (const [way, app] of lets)
    it(`lets a user in by ${way} in the ${app} app`, async (playground) => {
      await playground.start(way, 'active', app)
      assert.equal(await playground.user(), 'alice')
      await playground.logs(/session-started/)
    })

  const refuses: [WayId, 'playground' | 'strict', string][] = [
    ['wrong-token', 'playground', 'unauthenticated'],
    ['wrong-token', 'strict', 'unauthenticated'],
    ['auth-params', 'strict', 'unauthenticated'],
    ['guest', 'strict', 'guests-refused'],
  ]
  for (const [way, app, code] of refuses)
    it(`says ${code} of ${way} in the ${app} app, in a sentence, and what to do about it`, async (playground) => {
      await playground.start(way, 'failed', app)
      assert.equal(await codeOf(playground), code)
      const words = await playground.page.locator('live-state #error').innerText()
      assert.match(words, /What to do: \w/)
      assert.doesNotMatch(words, /http/)
      await playground.logs(/session-failed/)
    })

  it('lets a guest in, and shows that it is one', async ({ start, user, page }) => {
    await start('guest')
    assert.equal(await user(), 'guest:alice')
    await page.locator('live-state .tag', { hasText: 'guest' }).waitFor()
  })

  it('refuses a password that is not open sesame', async (playground) => {
    await playground.choose('auth-params')
    await playground.page.getByLabel('Password').fill('open barley')
    await playground.start('auth-params', 'failed')
    assert.equal(await codeOf(playground), 'unauthenticated')
  })

  for (const [way, asked] of [
    ['token-fetcher', /tokenFetcher\s+expiring: a token/],
    ['lapsing-url', /token-url\s+was asked/],
  ] as const)
    it(`keeps a session alive past the 10 s that its first token is good for, by ${way}`, async (playground) => {
      await playground.start(way)
      const session = await playground.sessionId()
      const renewals = playground.page.locator('event-log li').filter({ hasText: asked })
      // The second is for the first renewed token: by then the first one has lapsed.
      await renewals.nth(1).waitFor({ timeout: 20_000 })
      await playground.reaches('active')
      assert.equal(await playground.sessionId(), session)
    })

  it('with nothing, is asked for a token by the element; a token given by hand starts the session', async (playground) => {
    await playground.start('nothing', 'starting')
    await playground.logs(/session-token-needed\s+first/)
    await playground.press('Answer with a token')
    await playground.reaches('active')
    assert.equal(await playground.page.locator('live-state #question').count(), 0)
  })

  it('with nothing, null says that the user is signed out', async (playground) => {
    await playground.start('nothing', 'starting')
    await playground.press('Answer null: signed out')
    await playground.reaches('failed')
    assert.equal(await codeOf(playground), 'signed-out')
  })

  it('ends a session whose token source was logged out of, and signs in anew', async (playground) => {
    await playground.start('token-fetcher')
    await playground.press('Log out of the source')
    await playground.reaches('ended')
    assert.equal(await codeOf(playground), 'signed-out')
    await playground.press('Start anew with these settings')
    await playground.reaches('active')
  })
})

describe('the playground: what can be done to a session', () => {
  it('ends it, and starts it again as another session', async ({
    start,
    press,
    reaches,
    sessionId,
    logs,
    page,
  }) => {
    await start('token')
    const former = await sessionId()
    await press('end()')
    await reaches('ended')
    await logs(/session-ended\s+on purpose/)
    assert.ok(await page.getByRole('button', { name: 'end()', exact: true }).isDisabled())
    await press('start()')
    await reaches('active')
    assert.notEqual(await sessionId(), former)
  })

  it('removes the element, which ends the session, and puts it back, which starts one', async (playground) => {
    const { start, press, reaches, page, sessionId } = playground
    await start('token')
    const former = await sessionId()
    await press('Remove it')
    await page.getByText('element removed').waitFor()
    await page.locator('live-state .name:not(.active)').waitFor()
    assert.equal(await page.locator('chat-session').count(), 0)
    await press('Put it back')
    await reaches('active')
    assert.notEqual(await sessionId(), former)
  })

  it('moves the element without a break', async ({ start, press, page, sessionId, logs }) => {
    await start('token')
    const former = await sessionId()
    const sockets: unknown[] = []
    page.on('websocket', (socket) => sockets.push(socket))
    await press('Move it')
    await page.locator('.place[slot=second] > chat-session').waitFor()
    // A task later the lease would have let go; a change that is sent comes back after that.
    await page.getByLabel('Name').fill('Alice in motion')
    await page.getByLabel('Name').blur()
    await logs(/session-user[^]*alice/)
    await page.locator('live-state dd', { hasText: 'Alice in motion' }).waitFor()
    assert.equal(await sessionId(), former)
    assert.deepEqual(sockets, [])
  })

  for (const way of ['token', 'signature', 'auth-params', 'guest', 'token-url'] as const)
    it(`changes the user of a session by ${way}, and the form follows`, async (playground) => {
      const { start, press, page, sessionId } = playground
      await start(way)
      const former = await sessionId()
      await press('Change user')
      await page.locator('live-state #user', { hasText: 'bashir' }).waitFor()
      await playground.reaches('active')
      assert.notEqual(await sessionId(), former)
      assert.equal(await page.getByLabel('User id').inputValue(), 'bashir')
      assert.match(await page.locator('code-snippet #code').innerText(), /user-id="bashir"/)
    })

  it('loses the connection when the network is broken, counts down, and is back when it is mended', async (playground) => {
    const { start, press, reaches, page } = playground
    await start('token')
    await press('Break the network')
    await reaches('reconnecting')
    assert.equal(await codeOf(playground), 'unavailable')
    const countdown = page.locator('live-state time')
    await countdown.filter({ hasText: /^\d+\.\d s$/ }).waitFor()
    const first = await countdown.innerText()
    await countdown.filter({ hasNotText: first }).waitFor()
    await press('Mend the network')
    await page.locator('live-state').getByText('Try now').click()
    await reaches('active')
    assert.equal(await countdown.count(), 0)
  })

  it('shows on a page that is loaded while the network is broken that it is, and starts once it is mended', async (playground) => {
    await playground.press('Break the network')
    await playground.page.getByRole('button', { name: 'Mend the network' }).waitFor()
    await playground.page.reload()
    await playground.page.getByRole('button', { name: 'Mend the network' }).waitFor()
    await playground.start('token', 'starting')
    await playground.press('Mend the network')
    await playground.reaches('active')
  })

  it('renews the token on the open connection', async ({ start, press, page, sessionId }) => {
    const opened = page.waitForEvent('websocket')
    await start('token')
    const socket = await opened
    const former = await sessionId()
    const renewed = socket.waitForEvent('framereceived', ({ payload }) =>
      String(payload).includes('"renewed"'),
    )
    // A token of the same second is the same token.
    const soon = performance.now() + SOON
    for (let done = false; !done && performance.now() < soon;) {
      await press('Renew token now')
      done = await Promise.race([renewed.then(() => true), page.waitForTimeout(300).then(() => false)])
    }
    await renewed
    assert.equal(await sessionId(), former)
  })

  it('says that the strict app’s profiles are not the page’s to change, and the session goes on', async (playground) => {
    await playground.start('token', 'active', 'strict')
    await playground.page.getByLabel('Name').fill('Somebody else')
    await playground.page.getByLabel('Name').blur()
    await playground.logs(/session-error\s+refused/)
    await playground.reaches('active')
  })

  it('starts anew with other settings and leaves no session behind', async ({ start, page, sessionId }) => {
    const opened = page.waitForEvent('websocket')
    await start('token')
    const closed = (await opened).waitForEvent('close')
    const former = await sessionId()
    await start('signature')
    await page.locator('live-state #session-id', { hasNotText: former }).waitFor()
    await closed
    assert.equal(await page.locator('chat-session').count(), 1)
  })
})

describe('the playground: what it shows', () => {
  it('logs events newest first with their detail, and forgets them when asked to', async ({
    start,
    press,
    page,
  }) => {
    await start('token')
    await press('end()')
    const entries = page.locator('event-log li')
    await entries.filter({ hasText: 'session-ended' }).waitFor()
    assert.match(await entries.first().innerText(), /session-ended/)
    assert.match(await entries.last().innerText(), /put the element in the page/)
    const started = entries.filter({ hasText: 'session-started' })
    await started.locator('summary').click()
    const { user, guest } = JSON.parse(await started.locator('pre').innerText()) as Record<string, unknown>
    assert.deepEqual({ user, guest }, { user: { id: 'alice', name: 'Alice Moreau' }, guest: false })
    await press('Clear')
    await page.getByText('Nothing has happened yet.').waitFor()
  })

  it('never shows a token, a signature, a password or a secret', async ({ start, page, dev, press }) => {
    const answers: Promise<Record<string, string>>[] = []
    page.on('response', (response) => {
      if (/\/dev\/(token|signature)/.test(response.url()))
        answers.push(response.json() as Promise<Record<string, string>>)
    })
    const minted = async (): Promise<string[]> =>
      (await Promise.all(answers)).flatMap((answer) => Object.values(answer))
    for (const way of ['token', 'signature', 'auth-params', 'token-fetcher', 'lapsing-url'] as const) {
      await start(way)
      for (const tab of ['JavaScript', 'React', 'HTML']) {
        await page.getByRole('tab', { name: tab }).click()
        const text = await textOf(page)
        for (const secret of [
          ...(await minted()),
          ...Object.values(dev.secrets).flatMap(({ token, signature }) => [token, signature]),
        ])
          assert.ok(!text.includes(secret), `${way}, ${tab}`)
        assert.doesNotMatch(text.replace('open sesame', ''), /open sesame|eyJ/)
      }
    }
    const renewed = page.waitForResponse(/\/dev\/token/)
    await press('Renew token now')
    await renewed
    assert.ok((await minted()).length >= 4)
    assert.doesNotMatch(await textOf(page), /eyJ/)
  })
})
