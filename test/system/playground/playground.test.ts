import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { TIMEOUT } from '../../support/browsers/browser.js'
import { itOnPlayground as it, textOf } from '../../support/sites/playground-page.js'

describe('the playground: actions on a session', () => {
  it('ends the session, and removes and adds its element: each time another session starts', async (playground) => {
    const { start, press, reaches, sessionId, logs, page, at, alone } = playground
    await alone()
    await start('token')
    const sessions = [await sessionId()]
    await press('end()')
    await reaches('ended')
    await logs(/session-ended\s+on purpose/)
    await press('start()')
    await reaches('active')
    sessions.push(await sessionId())
    await press('Remove it')
    await at.getByText('element removed').waitFor()
    await at.locator('.state .name:not(.active)').waitFor()
    assert.equal(await page.locator('chat-session').count(), 0)
    await press('Put it back')
    await reaches('active')
    sessions.push(await sessionId())
    assert.equal(new Set(sessions).size, 3)
  })

  it('moves the element without ending the session', async ({
    start,
    press,
    page,
    panel,
    sessionId,
    logs,
    at,
    open,
  }) => {
    for (const other of [panel(1), panel(2)]) await other.reaches('active')
    await start('token')
    const former = await sessionId()
    const sockets: unknown[] = []
    page.on('websocket', (socket) => sockets.push(socket))
    await press('Move it')
    await at.locator('.place[slot=second] > chat-session').waitFor()
    // The lease would end the session one task after the move. The answer to a profile change comes later than that.
    await open('Log-in')
    await at.getByLabel('Name').fill('Alice in motion')
    await at.getByLabel('Name').blur()
    await at.getByRole('heading', { name: 'Alice in motion' }).waitFor()
    await logs(/session-user[^]*alice/)
    assert.equal(await sessionId(), former)
    assert.deepEqual(sockets, [])
  })

  it('changes the user with each kind of credentials, and the fields and the snippet follow', async (playground) => {
    const { alone, start, press, at, open } = playground
    await alone()
    for (const [way, user] of [
      ['token', 'bob'],
      ['signature', 'chiyo'],
      ['auth-params', 'david'],
      ['guest', 'guest:alice'],
      ['token-url', 'bob'],
    ] as const) {
      await start(way)
      await press('Change user')
      await at.locator('#user', { hasText: user }).waitFor()
      await playground.reaches('active')
    }
    await open('Log-in')
    assert.equal(await at.getByLabel('User id').inputValue(), 'bob')
    await open('Code')
    assert.match(await at.locator('#code').innerText(), /user-id="bob"/)
  })

  it('renews the token on the open connection', async ({ alone, start, press, page, sessionId, socket }) => {
    await alone()
    await start('token')
    const former = await sessionId()
    const renewed = (await socket()).waitForEvent('framereceived', ({ payload }) =>
      String(payload).includes('"renewed"'),
    )
    // Two tokens of the same second are equal.
    const deadline = performance.now() + TIMEOUT
    for (let done = false; !done && performance.now() < deadline;) {
      await press('Renew token now')
      done = await Promise.race([renewed.then(() => true), page.waitForTimeout(300).then(() => false)])
    }
    await renewed
    assert.equal(await sessionId(), former)
  })

  it('logs that the strict app refuses a profile change, and the session goes on', async (playground) => {
    const { start, open, at, logs, reaches } = playground
    await start('token', 'active', 'strict')
    await open('Log-in')
    await at.getByLabel('Name').fill('Another name')
    await at.getByLabel('Name').blur()
    await logs(/session-error\s+refused/)
    await reaches('active')
  })
})

describe('the playground: its log', () => {
  it('logs events with their detail, the newest first, and clears the log', async (playground) => {
    const { alone, start, press, logs, at } = playground
    await alone()
    await start('token')
    await press('end()')
    await logs(/session-ended/)
    const entries = at.locator('.log li')
    assert.match(await entries.first().innerText(), /session-ended/)
    assert.match(await entries.last().innerText(), /put the element in the page/)
    const started = entries.filter({ hasText: 'session-started' })
    await started.locator('summary').click()
    const { user, guest } = JSON.parse(await started.locator('pre').innerText()) as Record<string, unknown>
    assert.deepEqual({ user, guest }, { user: { id: 'alice', name: 'Alice Moreau' }, guest: false })
    await press('Clear')
    await at.getByText('Nothing has happened yet.').waitFor()
  })

  it('never shows a token, a signature, a password or a secret', async (playground) => {
    const { start, page, dev, press, open, at } = playground
    const answers: Promise<Record<string, string>>[] = []
    page.on('response', (response) => {
      if (/\/dev\/(token|signature)/.test(response.url()))
        answers.push(response.json() as Promise<Record<string, string>>)
    })
    const minted = async (): Promise<string[]> =>
      (await Promise.all(answers)).flatMap((answer) => Object.values(answer))
    const secrets = Object.values(dev.secrets).flatMap(({ token, signature }) => [token, signature])
    for (const way of ['token', 'signature', 'auth-params', 'token-fetcher', 'token-and-url'] as const) {
      await start(way)
      const texts = [await textOf(page)]
      for (const tab of ['Events', 'Element', 'Notify'] as const) {
        await open(tab)
        texts.push(await textOf(page))
      }
      await open('Code')
      for (const tab of ['JavaScript', 'React', 'HTML']) {
        await at.getByRole('tab', { name: tab }).click()
        texts.push(await textOf(page))
      }
      // The hint beside the password's field shows the demo's password.
      const text = texts.map((each) => each.replace('open sesame', '')).join('\n')
      for (const secret of [...(await minted()), ...secrets]) assert.ok(!text.includes(secret), way)
      assert.doesNotMatch(text, /open sesame|eyJ/)
    }
    const renewed = page.waitForResponse(/\/dev\/token/)
    await press('Renew token now')
    await renewed
    assert.ok((await minted()).length >= 4)
    await open('Events')
    assert.doesNotMatch(await textOf(page), /eyJ/)
  })
})
