import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { assertAccessible } from '../../support/browsers/axe.js'
import { pushOf } from '../../support/push/push-network.js'
import { startPushService } from '../../support/push/push-service.js'
import { until } from '../../support/until.js'
import { tokenFor } from '../../support/tokens.js'
import { key, secretOf, startEndpoint } from '../../support/network/webhook-endpoint.js'
import { adminToken, itOnConsole as it, readToken, type ConsoleSite } from './console-site.js'

const checkToken = async (page: ConsoleSite['page'], token: string): Promise<void> => {
  await page.getByLabel('Token', { exact: true }).fill(token)
  await page.getByRole('button', { name: 'Check' }).click()
}

const push = await startPushService()

const STORED = 'chat-session-admin-token'

const storedOf = ({ page }: ConsoleSite) =>
  page.evaluate((name) => [sessionStorage.getItem(name), localStorage.length, document.cookie], STORED)

describe('the console: log-in', () => {
  it(
    'refuses a wrong token with a sentence, and keeps the right one in the tab until the log-out',
    async (site) => {
      const { page, logIn } = site
      await page.getByLabel('Admin token').fill('wrong')
      await page.getByRole('button', { name: 'Log in' }).click()
      await page.getByRole('alert').getByText('does not accept this token').waitFor()
      assert.deepEqual(await storedOf(site), [null, 0, ''])
      await logIn()
      assert.deepEqual(await storedOf(site), [adminToken, 0, ''])
      await page.reload()
      await page.getByRole('heading', { name: 'Overview' }).waitFor()
      await page.getByRole('button', { name: 'Log out' }).click()
      await page.getByLabel('Admin token').waitFor()
      assert.deepEqual(await storedOf(site), [null, 0, ''])
    },
    { expected: /status of 401/ },
  )

  it('refuses a token with an invisible character, as a copied one may have, with the same sentence', async ({
    page,
  }) => {
    await page.getByLabel('Admin token').fill(`${adminToken}\u200B`)
    await page.getByRole('button', { name: 'Log in' }).click()
    assert.equal(await page.getByRole('alert').innerText(), 'The gateway does not accept this token.')
  })

  it('sends the token in no URL', async (site) => {
    const urls: string[] = []
    site.page.on('request', (request) => urls.push(request.url()))
    await site.logIn()
    await site.open('/apps/app/sessions')
    await site.page.getByRole('heading', { name: 'As it happens' }).waitFor()
    assert.ok(urls.length > 3)
    for (const url of urls) assert.ok(!decodeURIComponent(url).includes(adminToken.slice(0, 10)), url)
  })

  it(
    'lets no text become HTML but that of its own templates',
    async ({ page }) => {
      const error = await page.evaluate(() => {
        try {
          document.body.insertAdjacentHTML('beforeend', '<p>injected</p>')
          return null
        } catch (reason) {
          return (reason as Error).name
        }
      })
      assert.equal(error, 'TypeError')
      assert.equal(await page.getByText('injected').count(), 0)
    },
    { expected: /TrustedHTML/ },
  )

  it('with the read token shows everything and no button that changes anything', async (site) => {
    const { page, logIn, open, start } = site
    await start('ada')
    await logIn(readToken)
    await page.getByText('may only read').waitFor()
    await open('/apps/app/users/ada')
    await page.getByText('Your token may only read.').waitFor()
    for (const name of ['End', 'Log out everywhere', 'Ask for new credentials'])
      assert.equal(await page.getByRole('button', { name, exact: true }).count(), 0)
    await open('/token')
    await page.getByText('log in with the admin token').waitFor()
  })
})

describe('the console: sessions and users', () => {
  it('shows sessions as they start, lose their connection and end; Pause keeps the list still', async (site) => {
    const { page, logIn, open, start } = site
    await logIn()
    await open('/apps/app/sessions')
    const changes = page.getByRole('group', { name: 'Changes' })
    const ada = await start('ada')
    await changes.getByText('started').waitFor()
    ada.socket.terminate()
    await changes.getByText('lost the connection').waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    const bob = await start('bob')
    bob.send({ type: 'end' })
    await bob.end()
    await until('the session of ada alone', () => page.locator('.rows > li').count(), 1)
    assert.equal(await changes.getByText('bob').count(), 0)
    await page.getByRole('button', { name: 'Pause' }).click()
    await changes.getByText('ended', { exact: true }).first().waitFor()
    await page.locator('.rows').getByRole('link', { name: 'ada' }).click()
    await page.getByRole('heading', { name: 'ada' }).waitFor()
  })

  it('lists a session as soon as it has started, and no longer when it has ended', async (site) => {
    const { page, logIn, open, start } = site
    await logIn()
    await open('/apps/app/sessions')
    await page.getByText('There are no sessions.').waitFor()
    const ada = await start('ada')
    const row = page.locator('.rows > li').filter({ hasText: 'ada' })
    await row.getByText('active').waitFor()
    ada.socket.terminate()
    await row.getByText('disconnected').waitFor()
    await page.getByRole('link', { name: 'ada' }).first().click()
    await page.getByRole('button', { name: 'End', exact: true }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'End the session' }).click()
    await page.getByText('The session has ended.').waitFor()
    await page.goBack()
    await page.getByText('There are no sessions.').waitFor()
  })

  it(
    'shows why an action failed while it refreshes the page, until the next action succeeds',
    async ({ page, logIn, open, start }) => {
      const client = await start('ada')
      await logIn()
      await open('/apps/app/users/ada')
      const logOut = async (): Promise<void> => {
        await page.getByRole('button', { name: 'Log out everywhere' }).click()
        await page.getByRole('dialog').getByRole('button', { name: 'Log out everywhere' }).click()
      }
      const title = 'The engine is away.'
      await page.route('**/revoke', (route) => route.fulfill({ status: 503, json: { title } }), { times: 1 })
      await logOut()
      const alert = page.getByRole('alert').getByText(title)
      await alert.waitFor()
      // A change makes the page refresh itself.
      await start('ada')
      await page.locator('.rows > li').nth(1).waitFor()
      assert.ok(await alert.isVisible())
      await logOut()
      await page.getByText('The user is logged out everywhere.').waitFor()
      assert.equal(await alert.count(), 0)
      assert.equal((await client.end()).frame['code'], 'revoked')
    },
    { expected: /status of 503/ },
  )

  it('follows no stream while its tab is hidden, and catches up when it is shown', async (site) => {
    const { page, logIn, open, start } = site
    await logIn()
    await open('/apps/app/sessions')
    await start('ada')
    const changes = page.getByRole('group', { name: 'Changes' })
    await changes.getByText('ada').waitFor()
    const show = (state: string) =>
      page.evaluate((hidden) => {
        Object.defineProperty(document, 'hidden', { value: hidden, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))
      }, state === 'hidden')
    const closed = page.waitForEvent('requestfailed', (request) => request.url().includes('/changes'))
    await show('hidden')
    await closed
    await start('bob')
    await show('visible')
    await changes.getByText('bob').waitFor()
    assert.equal(await changes.getByText('ada').count(), 1)
  })

  it('ends one session after a question, and shows that it has ended; Escape changes nothing', async (site) => {
    const { page, logIn, open, start } = site
    const [first, second] = [await start('ada'), await start('ada')]
    await logIn()
    await open('/apps/app/users/ada')
    const row = page.locator('.rows > li').filter({ hasText: String(first.started['sessionId']) })
    await row.getByRole('button', { name: 'End' }).click()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    assert.equal(await page.locator('.rows > li').count(), 2)
    await row.getByRole('button', { name: 'End' }).click()
    const dialog = page.getByRole('dialog', { name: 'End this session?' })
    assert.ok(await dialog.getByRole('button', { name: 'Cancel' }).evaluate((one) => one.matches(':focus')))
    await dialog.getByRole('button', { name: 'End the session' }).click()
    await page.getByRole('status').getByText('The session has ended.').waitFor()
    assert.equal((await first.end()).frame['code'], 'revoked')
    await row.waitFor({ state: 'detached' })
    await page.getByRole('group', { name: 'Changes' }).getByText('revoked', { exact: true }).waitFor()
    assert.equal(second.socket.readyState, second.socket.OPEN)
  })

  it('asks for new credentials, and logs a user out everywhere', async (site) => {
    const { page, logIn, open, start } = site
    const client = await start('ada')
    await logIn()
    await open('/apps/app/users/ada')
    await page.getByRole('button', { name: 'Ask for new credentials' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Ask for new credentials' }).click()
    assert.equal((await client.next('renewed'))['reauth'], true)
    await page.getByRole('button', { name: 'Log out everywhere' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Log out everywhere' }).click()
    assert.equal((await client.end()).frame['code'], 'revoked')
    await page.getByText('The user has no sessions.').waitFor()
    await page.getByText('Credentials revoked').waitFor()
  })

  it(
    "lists a user's devices, sends them a test push, and ends one",
    async ({ page, logIn, open, start }) => {
      const client = await start('ada')
      client.send({ type: 'push', subscription: push.subscribe('phone') })
      await logIn()
      await open('/apps/app/users/ada')
      await page.getByText('push.test').waitFor()
      await assertAccessible(page, 'a user with a device')
      await page.getByRole('button', { name: 'Send a test push' }).click()
      await page.getByRole('status').getByText('A push service has taken the test.').waitFor()
      assert.deepEqual(push.bodies('phone'), ['This is a test.'])
      const devices = page.getByRole('region', { name: 'Devices' })
      await devices.getByRole('button', { name: 'End', exact: true }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'End the subscription' }).click()
      await page.getByRole('status').getByText('The subscription has ended.').waitFor()
      await devices.getByText('The user has no devices.').waitFor()
    },
    { app: { push: pushOf() }, parts: { pushNetwork: push.network } },
  )

  it('traces the frames of one session without their content', async (site) => {
    const { page, logIn, open, start } = site
    const client = await start('ada')
    await logIn()
    await open('/apps/app/users/ada')
    await page.getByRole('button', { name: 'Watch frames' }).click()
    const trace = page.getByRole('group', { name: 'Frames' })
    // A ping shows that the trace has begun.
    await trace.getByText('ping').first().waitFor()
    client.send({ type: 'send', id: 'a-secret-id', to: 'ada', body: 'the body of a message' })
    client.send({ type: 'token', token: await tokenFor('ada') })
    await trace.getByText('message', { exact: true }).waitFor()
    await trace.getByText('renewed').waitFor()
    const text = await page.locator('body').innerText()
    for (const hidden of ['the body', 'a-secret-id', 'eyJ']) assert.ok(!text.includes(hidden), hidden)
    client.send({ type: 'end' })
    await trace.getByText('ended').first().waitFor()
    const row = page.locator('.rows > li')
    await row.locator('.state').getByText('ended').waitFor()
    assert.equal(await row.getByRole('button', { name: 'End' }).count(), 0)
    await page.getByRole('button', { name: 'Watch frames' }).click()
    await page.getByText('The user has no sessions.').waitFor()
  })

  it(
    'shows each app of several',
    async ({ page, logIn, open }) => {
      await logIn()
      const choice = page.getByRole('combobox', { name: 'App' })
      await open('/apps/app/users')
      await page.getByRole('heading', { name: 'Users of app' }).waitFor()
      await choice.selectOption('other')
      await page.getByRole('heading', { name: 'Users of other' }).waitFor()
      await page.getByRole('link', { name: 'Sessions', exact: true }).click()
      await page.getByRole('heading', { name: 'Sessions of other' }).waitFor()
      await choice.selectOption('app')
      await page.getByRole('heading', { name: 'Sessions of app' }).waitFor()
      await page.goBack()
      await page.getByRole('heading', { name: 'Sessions of other' }).waitFor()
      assert.equal(await choice.inputValue(), 'other')
      await assertAccessible(page, 'the choice of an app')
    },
    { config: { apps: { app: { environment: 'test' }, other: { environment: 'test' } } } },
  )

  it('shows the page of users that was opened last, although an earlier one is answered later', async (site) => {
    const { page, gateway, logIn, open } = site
    const users = Array.from({ length: 51 }, (_, number) => `user-${number}`)
    await Promise.all(users.map((to) => gateway.gateway.publish({ appId: 'app', to, body: 'Hello' })))
    await logIn()
    await open('/apps/app/users')
    const links = page.locator('users-page ul a')
    await until('the first page', () => links.count(), 50)
    const first = await links.allTextContents()
    let answer = (): void => undefined
    const held = new Promise<void>((resolve) => (answer = resolve))
    await page.route(/\/users\?after=/, async (route) => {
      await held
      await route.continue()
    })
    const late = page.waitForResponse(/\/users\?after=/)
    const again = page.waitForResponse(/\/users$/)
    await page.getByRole('button', { name: 'Next page' }).click()
    await page.getByRole('button', { name: 'First page' }).click()
    await again
    answer()
    await (await late).finished()
    // The page has read the answer when a later request of its own is answered.
    await page.evaluate(() => fetch(location.pathname).then(() => undefined))
    assert.deepEqual(await links.allTextContents(), first)
  })

  it('finds a user by an id of any characters, and shows it as text', async (site) => {
    const { page, logIn, open, start } = site
    const userId = '<img src=x onerror=alert(1)>/ä%2F?#'
    await start(userId)
    await logIn()
    await open('/apps/app/users')
    await page.getByLabel('User id').fill(userId)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: userId }).waitFor()
    await page.getByText('online').waitFor()
    await page.getByText('Ada Lovelace').waitFor()
  })

  it(
    'says so if there is no such user',
    async ({ page, logIn, open }) => {
      await logIn()
      await open('/apps/app/users/nobody')
      await page.getByRole('alert').getByText('The app has no such user.').waitFor()
    },
    { expected: /status of 404/ },
  )

  it(
    'says so while the gateway does not answer',
    async ({ page, logIn, open, gateway }) => {
      await logIn()
      await open('/apps/app/sessions')
      await page.getByRole('heading', { name: 'As it happens' }).waitFor()
      await gateway.close()
      await page.getByRole('alert').getByText('The gateway does not answer.').waitFor()
    },
    { expected: /ERR_/ },
  )
})

const endpoint = await startEndpoint((response) => response.writeHead(410).end())

describe('the console: tools', () => {
  it('says so if an app has no webhooks', async ({ page, logIn, open }) => {
    await logIn()
    await open('/apps/app/webhooks')
    await page.getByText('in the config').waitFor()
    assert.equal(await page.getByRole('button', { name: 'Send a test' }).count(), 0)
  })

  it(
    'lists webhooks that were given up, delivers one again, and sends a test',
    async ({ page, logIn, open, start }) => {
      await start('ada')
      await until('the webhooks were sent', () => endpoint.received.length, 3)
      await logIn()
      await open('/apps/app/webhooks')
      await page.getByText('given up').first().waitFor()
      endpoint.respond = (response) => response.end()
      await page.getByRole('button', { name: 'Deliver again' }).first().click()
      await page.getByRole('group', { name: 'Requests' }).getByText('delivered').waitFor()
      await page.getByRole('button', { name: 'Send a test' }).click()
      await page.getByText('answered with the status 200').waitFor()
      assert.equal(endpoint.received.at(-1)?.type, 'test')
    },
    { app: { webhooks: { url: endpoint.url, secrets: [secretOf(key)] } } },
  )

  it(
    "shows no result of an earlier button beside a later button's failure",
    async ({ page, logIn, open, start }) => {
      endpoint.respond = (response) => response.end()
      await start('ada')
      await logIn()
      for (const [path, button, result] of [
        ['/apps/app/webhooks', 'Send a test', 'answered with the status 200'],
        ['/apps/app/users/ada', 'Send a test push', 'The user has no device.'],
      ] as const) {
        await open(path)
        await page.getByRole('button', { name: button }).click()
        await page.getByText(result).waitFor()
        await page.route(/\/test$/, (route) => route.abort())
        await page.getByRole('button', { name: button }).click()
        await page.getByRole('alert').getByText('The gateway does not answer.').waitFor()
        assert.equal(await page.getByText(result).count(), 0)
        await page.unrouteAll()
      }
    },
    {
      app: { push: pushOf(), webhooks: { url: endpoint.url, secrets: [secretOf(key)] } },
      parts: { pushNetwork: push.network },
      expected: /Failed to load resource/,
    },
  )

  it('checks a token part by part', async ({ page, logIn, open }) => {
    await logIn()
    await open('/token')
    await checkToken(page, await tokenFor('ada'))
    await page.getByText('The token is good. Its user is ada of app.').waitFor()
    await checkToken(page, await tokenFor('ada', { secret: 'another secret of at least 32 bytes, yes' }))
    await page.getByText('The token is refused.').waitFor()
    await page.getByText("is made with none of the app's secrets").waitFor()
  })

  it('shows the verdict of the token that was checked last, although an earlier one is answered later', async (site) => {
    const { page, logIn, open } = site
    await logIn()
    await open('/token')
    let answer = (): void => undefined
    const held = new Promise<void>((resolve) => (answer = resolve))
    const refused = await tokenFor('ada', { secret: 'another secret of at least 32 bytes, yes' })
    const isLate = (body: string | null): boolean => !!body?.includes(refused)
    await page.route(/\/check-token$/, async (route) => {
      if (isLate(route.request().postData())) await held
      await route.continue()
    })
    const late = page.waitForResponse((response) => isLate(response.request().postData()))
    for (const token of [refused, await tokenFor('ada')]) await checkToken(page, token)
    const verdict = page.getByText('The token is good. Its user is ada of app.')
    await verdict.waitFor()
    answer()
    await (await late).finished()
    // The page has read the answer when a later request of its own is answered.
    await page.evaluate(() => fetch(location.pathname).then(() => undefined))
    assert.ok(await verdict.isVisible())
  })

  it(
    'shows no verdict of an earlier token if a later one could not be checked',
    async (site) => {
      const { page, logIn, open } = site
      await logIn()
      await open('/token')
      await checkToken(page, await tokenFor('ada'))
      const verdict = page.getByText('The token is good. Its user is ada of app.')
      await verdict.waitFor()
      await page.route(/\/check-token$/, (route) => route.abort())
      await checkToken(page, await tokenFor('bob'))
      await page.getByRole('alert').getByText('The gateway does not answer.').waitFor()
      assert.equal(await verdict.count(), 0)
    },
    { expected: /Failed to load resource/ },
  )

  it('shows each app with its usage, and charts since the start, whose numbers are as live as the others', async (site) => {
    const { page, logIn, start } = site
    await start('ada')
    await logIn()
    await page.getByRole('heading', { name: 'app', exact: true }).waitFor()
    await page.getByRole('meter', { name: 'Guests' }).waitFor()
    await page.getByRole('heading', { name: /^(The time since the start|The last \d+ s)$/ }).waitFor()
    await page.getByRole('img', { name: /^Messages over the (time since the start|last \d+ s): / }).waitFor()
    const connected = page.locator('figure', { hasText: 'Connected sessions' })
    // The latest sample is older than the session.
    assert.equal(await connected.locator('strong').textContent(), '1')
    const chart = connected.getByRole('img')
    const drawn = await chart.evaluate((svg) => ({
      line: svg.querySelector('path')?.getBoundingClientRect().width ?? 0,
      chart: svg.getBoundingClientRect().width,
    }))
    assert.ok(drawn.line > 0.95 * drawn.chart, JSON.stringify(drawn))
  })

  it('closes a question when its page is left, so that its button can do nothing on another page', async (site) => {
    const { page, logIn, open, start } = site
    await start('ada')
    await logIn()
    await open('/apps/app/users')
    await page.getByRole('link', { name: 'ada' }).click()
    await page.getByRole('button', { name: 'Log out everywhere' }).click()
    await page.getByRole('dialog').waitFor()
    await page.goBack()
    await page.getByRole('heading', { name: 'Users of app' }).waitFor()
    // The browser tells of a dialog's close in a later task.
    await page.locator('dialog').waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'ada' }).click()
    await page.locator('.rows .state').getByText('active').waitFor()
  })

  it('has buttons for the pages of a list only where there are several pages', async (site) => {
    const { page, gateway, logIn, open } = site
    const send = (to: string) => gateway.gateway.publish({ appId: 'app', to, body: 'Hello' })
    await send('first')
    await logIn()
    await open('/apps/app/users')
    const shown = (): Promise<string[]> => page.locator('section button').allTextContents()
    await page.locator('.rows > li').waitFor()
    assert.deepEqual(await shown(), [])
    await Promise.all(Array.from({ length: 50 }, (_, number) => send(`user-${number}`)))
    await page.reload()
    await page.getByRole('button', { name: 'Next page' }).click()
    await page.getByRole('button', { name: 'First page' }).click()
    await until('the buttons of the first page', async () => (await shown()).join().trim(), 'Next page')
    await open('/apps/app/webhooks')
    await page.getByText('There are no events that wait or were given up.').waitFor()
    assert.deepEqual(await shown(), [])
  })

  it('keeps what belongs together in a row together, however wide the window is', async (site) => {
    const { page, logIn, open, start } = site
    await page.setViewportSize({ width: 1600, height: 900 })
    await start('ada')
    await logIn()
    for (const path of [
      '/apps/app/sessions',
      '/apps/app/users',
      '/apps/app/users/ada',
      '/apps/app/webhooks',
    ]) {
      await open(path)
      await page.locator('main h1').waitFor()
      if (!path.endsWith('webhooks')) await page.locator('.rows > li').first().waitFor()
      // The space between each child of a row and the child to its left, in pixels.
      const widest = await page.evaluate(() =>
        Math.max(
          0,
          ...[...document.querySelectorAll('main .row, main .columns > li')].flatMap((row) =>
            [...row.children].slice(1).map((child) => {
              const { right } = child.previousElementSibling?.getBoundingClientRect() ?? { right: 0 }
              return child.getBoundingClientRect().left - right
            }),
          ),
        ),
      )
      assert.ok(widest < 250, `${path}: ${widest} pixels`)
    }
  })
})
