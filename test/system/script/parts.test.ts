/**
 * The script of the script tag loads parts, which are scripts of their own, in pages with every kind of Content-Security-Policy, and
 * after failures.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { Page, Route } from 'playwright-core'
import type { ChatSession } from '../../../src/session/index.js'
import { newContext } from '../../support/browsers/browser.js'
import { newSession, nextEvent } from '../../support/clients/client-sessions.js'
import {
  recordViolations,
  siteOf,
  startSite,
  startSiteGateway,
  violationsOf,
} from '../../support/sites/element-page.js'
import { tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'

type ChatElement = HTMLElementTagNameMap['chat-session']

const context = await newContext()

const cdn = new URL('../../../dist/cdn/', import.meta.url)
const integrity = JSON.parse(await readFile(new URL('integrity.json', cdn), 'utf8')) as Record<string, string>
const firstIntegrity = integrity['chat-session.js'] ?? ''
const file = Object.keys(integrity).find((name) => name.startsWith('chat-session-notifications-')) ?? ''

declare global {
  interface Window {
    clicks: unknown[]
    failures: [code: string, retryable: boolean, cause: unknown][]
    shown: string[]
    /** For each WebSocket, whether the page was back when it was opened. */
    opened: boolean[]
    isBack?: boolean
    policies: TrustedTypePolicy[]
  }
  /** TypeScript's types of the DOM lack Trusted Types. */
  interface TrustedTypePolicy {
    readonly name: string
    createScriptURL(url: string): object
  }
  class TrustedTypePolicyFactory {
    createPolicy(name: string, rules: object): TrustedTypePolicy
  }
}

/** Records what a page's elements dispatch. */
const record = (page: Page): Promise<unknown> =>
  page.addInitScript(() => {
    Object.assign(window, { clicks: [], failures: [] })
    document.addEventListener('session-notification-click', ({ detail }) => window.clicks.push(detail))
    document.addEventListener('session-error', ({ detail: { error } }) =>
      window.failures.push([error.code, error.retryable, error.cause]),
    )
  })

const failuresOf = (page: Page): Promise<Window['failures']> => page.evaluate(() => window.failures)

const tagFor = async (attributes = 'notifications', userId = 'ada'): Promise<string> =>
  `<chat-session app-id="app" user-id="${userId}" token="${await tokenFor(userId)}" ${attributes}></chat-session>`

/**
 * Opens a page of a site that is not the gateway's, and waits until its session has `state`. The script's tag has `attributes`. `prepare`
 * is called before the page loads.
 */
const open = async ({
  gateway,
  attributes = '',
  policy = '',
  tag = '',
  state = 'active',
  prepare = () => Promise.resolve(),
}: {
  gateway: string
  attributes?: string
  policy?: string
  tag?: string
  state?: string
  prepare?: (page: Page) => Promise<unknown>
}): Promise<{ page: Page; requests: string[] }> => {
  const site = await startSite(
    siteOf({
      '/': {
        headers: policy ? { 'content-security-policy': policy } : {},
        html: `<!doctype html><title>Parts</title><link rel="icon" href="data:,">
          <script type="module" async ${attributes} src="${gateway}/v1/chat-session.js"></script>${tag || (await tagFor())}`,
      },
    }),
  )
  const page = await context.newPage()
  const requests: string[] = []
  page.on('request', (request) => {
    const { pathname, search } = new URL(request.url())
    if (pathname.includes('/v1/chat-session-')) requests.push(pathname + search)
  })
  await recordViolations(page)
  await record(page)
  await prepare(page)
  // A part that is held back keeps the page from its `load` event.
  await page.goto(site, { waitUntil: 'commit' })
  await page.locator(`chat-session:state(${state})`).first().waitFor({ state: 'attached' })
  return { page, requests }
}

/** Waits until the notifications work: they dispatch the clicks that a service worker reports. */
const untilAttached = (page: Page): Promise<void> =>
  until('the notifications handle a click', () =>
    page.evaluate(() => {
      const data = { 'chat-session': 'chat-session:app:ada', messages: [] }
      navigator.serviceWorker.dispatchEvent(new MessageEvent('message', { data }))
      return window.clicks.length > 0
    }),
  )

/** Sends a message to the page's own user, which shows that the session goes on. */
const sends = (page: Page): Promise<number> =>
  page
    .locator('chat-session')
    .first()
    .evaluate(async (element: ChatElement) => {
      const { offset } = await element.send({ to: 'ada', body: 'Still here' })
      return offset
    })

test('a page without `notifications` does not load their script, and loads it once when elements ask for it', async () => {
  const gateway = await startSiteGateway()
  const tags = (await tagFor('')) + (await tagFor(''))
  const { page, requests } = await open({ gateway, tag: tags })
  assert.equal(await sends(page), 1)
  assert.deepEqual(requests, [])
  for (const element of await page.locator('chat-session').all())
    await element.evaluate((each: ChatElement) => each.setAttribute('notifications', ''))
  await untilAttached(page)
  assert.deepEqual(requests, [`/v1/${file}`])
  assert.equal(await page.evaluate(() => document.querySelectorAll('script').length), 1)
})

test('`history` and `peers` load their script with the first call, and a call rejects if it can’t be loaded', async () => {
  const gateway = await startSiteGateway()
  let isAway = true
  const { page, requests } = await open({
    gateway,
    tag: await tagFor(''),
    prepare: (page) =>
      page.route('**/chat-session-calls-*', (route) => (isAway ? route.abort() : route.continue())),
  })
  const called = (): Promise<unknown> =>
    page.locator('chat-session').evaluate(async (element: ChatElement) => {
      try {
        const messages = await element.history()
        return [messages.length, (await element.peers()).peers.map(({ id }) => id)]
      } catch (error) {
        const { code, retryable } = error as { code: string; retryable: boolean }
        return { code, retryable }
      }
    })
  assert.equal(await sends(page), 1)
  assert.deepEqual(requests, [])
  assert.deepEqual(await called(), { code: 'script-unavailable', retryable: true })
  assert.equal(await sends(page), 2)
  isAway = false
  assert.deepEqual(await called(), [2, ['ada']])
  await page
    .locator('chat-session')
    .evaluate(async (element: ChatElement) => element.session?.setProfile({ name: 'Ada' }))
  assert.equal(
    await page.locator('chat-session').evaluate((element: ChatElement) => element.session?.user?.name),
    'Ada',
  )
  assert.equal(requests.length, 2)
  assert.deepEqual(await failuresOf(page), [])
})

const policies: [name: string, policy: (gateway: string) => string, attributes: string][] = [
  ['the host of the gateway', (gateway) => `script-src ${gateway}`, ''],
  ['a nonce', () => "script-src 'nonce-r4nd0m'", 'nonce="r4nd0m"'],
  ["a nonce and 'strict-dynamic'", () => "script-src 'nonce-r4nd0m' 'strict-dynamic'", 'nonce="r4nd0m"'],
  [
    "the hash of the first script and 'strict-dynamic'",
    () => `script-src '${firstIntegrity}' 'strict-dynamic'`,
    `crossorigin integrity="${firstIntegrity}"`,
  ],
  [
    'the hashes of both scripts',
    () => `script-src '${firstIntegrity}' '${integrity[file] ?? ''}'`,
    `crossorigin integrity="${firstIntegrity}"`,
  ],
  ['Trusted Types', (gateway) => `script-src ${gateway}; require-trusted-types-for 'script'`, ''],
]
for (const [name, policy, attributes] of policies)
  test(`a Content-Security-Policy with ${name} lets the script load its parts`, async () => {
    const gateway = await startSiteGateway()
    const { page, requests } = await open({
      gateway,
      attributes,
      policy: `default-src 'none'; ${policy(gateway)}; connect-src ${gateway.replace('http', 'ws')}; img-src data:`,
    })
    await untilAttached(page)
    assert.deepEqual(requests, [`/v1/${file}`])
    assert.deepEqual(await violationsOf(page), [])
    assert.deepEqual(await failuresOf(page), [])
  })

/** What a page sees if the part's script can't be loaded, and how its address is answered. */
const failures: [
  name: string,
  answer: (route: Route) => Promise<void>,
  policy?: (gateway: string) => string,
][] = [
  ['the network fails', (route) => route.abort()],
  ['the gateway is away', (route) => route.fulfill({ status: 503 })],
  [
    'other bytes come',
    (route) =>
      route.fulfill({
        status: 200,
        headers: { 'access-control-allow-origin': '*', 'content-type': 'text/javascript' },
        body: 'export const attach = () => () => undefined',
      }),
  ],
  [
    'the policy forbids it',
    (route) => route.continue(),
    (gateway) => `script-src ${gateway}/v1/chat-session.js`,
  ],
]
for (const [name, answer, policy] of failures)
  test(`if ${name}, the session goes on, and a session-error says that a part is missing`, async () => {
    const gateway = await startSiteGateway()
    const { page } = await open({
      gateway,
      ...(policy && { policy: policy(gateway) }),
      prepare: (page) => page.route(`**/${file}*`, answer),
    })
    await page.waitForFunction(() => window.failures.length > 0)
    assert.equal(await sends(page), 1)
    const [failure, ...others] = await failuresOf(page)
    assert.deepEqual(failure, ['script-unavailable', true, `${gateway}/v1/${file}`])
    // The session may have become active after the first attempt.
    assert.deepEqual(others, others[0] ? [['script-unavailable', true, `${gateway}/v1/${file}?1`]] : [])
  })

/** Records what the script asks the page's Trusted Types for. */
const recordPolicies = (page: Page): Promise<unknown> =>
  page.addInitScript(() => {
    window.policies = []
    const { createPolicy } = TrustedTypePolicyFactory.prototype
    TrustedTypePolicyFactory.prototype.createPolicy = function (name, rules) {
      const policy = createPolicy.call(this, name, rules)
      window.policies.push(policy)
      return policy
    }
  })

test('with Trusted Types one policy, made for the first part, lets through the addresses of the parts and no other', async () => {
  const gateway = await startSiteGateway()
  const { page } = await open({
    gateway,
    policy: "require-trusted-types-for 'script'; trusted-types chat-session",
    tag: await tagFor(''),
    prepare: recordPolicies,
  })
  const policiesOf = (): Promise<string[]> => page.evaluate(() => window.policies.map(({ name }) => name))
  assert.equal(await sends(page), 1)
  assert.deepEqual(await policiesOf(), [])
  await page.locator('chat-session').evaluate(async (element: ChatElement) => {
    await element.history()
    element.setAttribute('notifications', '')
  })
  await untilAttached(page)
  assert.deepEqual(await policiesOf(), ['chat-session'])
  const own = `${gateway}/v1/${file}`
  const others = [
    `${own}?1&callback=alert`,
    own.replace('-notifications-', '-other-'),
    own.replace('/v1/', '/v1/../'),
    own.replace('127.0.0.1', 'localhost'),
    `${gateway}/v1/chat-session.js`,
    'data:text/javascript,alert(1)',
    'https://evil.example/',
    '',
  ]
  const passed = await page.evaluate(
    (urls) =>
      urls.filter((url) => {
        try {
          return window.policies[0]?.createScriptURL(url)
        } catch {
          return false
        }
      }),
    [own, `${own}?1`, ...others],
  )
  assert.deepEqual(passed, [own, `${own}?1`])
  assert.deepEqual(await violationsOf(page), [])
})

const forbidding: [name: string, policy: string][] = [
  ['names other policies only', "require-trusted-types-for 'script'; trusted-types default"],
  ['forbids all policies', "require-trusted-types-for 'script'; trusted-types 'none'"],
]
for (const [name, policy] of forbidding)
  test(`with Trusted Types whose list ${name}, the session goes on, and its errors say what to allow`, async () => {
    const gateway = await startSiteGateway()
    const { page } = await open({ gateway, policy })
    await page.waitForFunction(() => window.failures.length > 0)
    assert.equal(await sends(page), 1)
    const failures = await failuresOf(page)
    assert.deepEqual(
      [...new Set(failures.map(([code, retryable]) => `${code} ${retryable}`))],
      ['script-unavailable true'],
    )
    const message = await page.locator('chat-session').evaluate(async (element: ChatElement) => {
      try {
        return `${(await element.history()).length} messages`
      } catch (error) {
        return (error as Error).message
      }
    })
    assert.match(message, /^script-unavailable: .*\btrusted-types\b.*\bchat-session\b/)
    // Each try is reported by the browser, and the policy is tried once.
    const reported = (await violationsOf(page)).filter((each) => each.startsWith('trusted-types '))
    assert.equal(reported.length, 1)
  })

test('a page whose list of policies lacks the script’s loads parts by a default policy of its own, or if it requires no Trusted Types', async () => {
  const gateway = await startSiteGateway()
  for (const policy of [
    "require-trusted-types-for 'script'; trusted-types default",
    'trusted-types default',
  ]) {
    const { page } = await open({
      gateway,
      policy,
      prepare: (page) =>
        page.addInitScript('trustedTypes.createPolicy("default", { createScriptURL: (url) => url })'),
    })
    await untilAttached(page)
    assert.deepEqual(await failuresOf(page), [])
  }
})

test('a second copy of the script needs allow-duplicates for its parts, and says so without it', async () => {
  const gateway = await startSiteGateway()
  const historyOf = async (policy: string): Promise<string> => {
    const { page } = await open({ gateway, policy, tag: await tagFor() })
    await untilAttached(page)
    return page.evaluate(
      async ([endpoint, token]) => {
        const { ChatSession: Copy } = (await import(`${endpoint}/v1/chat-session.js?copy`)) as {
          ChatSession: typeof ChatSession
        }
        const session = new Copy({ endpoint, appId: 'app', token })
        await session.start()
        try {
          return String((await session.history()).length)
        } catch (error) {
          return (error as Error).message
        }
      },
      [gateway, await tokenFor('eve')] as const,
    )
  }
  const policy = "require-trusted-types-for 'script'; trusted-types chat-session"
  assert.match(await historyOf(policy), /'allow-duplicates'/)
  assert.equal(await historyOf(`${policy} 'allow-duplicates'`), '0')
})

test('a script of before the gateway was updated asks for a part that is gone: the session goes on without it', async () => {
  const gateway = await startSiteGateway()
  const former = file.replace(/-\w{8}\.js$/, '-f0rm3r00.js')
  const [, hash = ''] = (integrity[file] ?? '').split('sha256-')
  const script = await (await fetch(`${gateway}/v1/chat-session.js`)).text()
  let letGo = (): void => undefined
  const held = new Promise<void>((resolve) => (letGo = resolve))
  const { page, requests } = await open({
    gateway,
    prepare: async (page) => {
      await page.route('**/v1/chat-session.js', (route) =>
        route.fulfill({
          headers: { 'access-control-allow-origin': '*', 'content-type': 'text/javascript' },
          body: script.replace(hash, `f0rm3r00${hash.slice(8)}`),
        }),
      )
      // A session that becomes active after the failure asks for the part once more.
      await page.route(`**/${former}`, async (route) => {
        await held
        await route.continue()
      })
    },
  })
  letGo()
  await page.waitForFunction(() => window.failures.length > 0)
  assert.equal(await sends(page), 1)
  assert.deepEqual(requests, [`/v1/${former}`])
  assert.deepEqual(await failuresOf(page), [['script-unavailable', true, `${gateway}/v1/${former}`]])
  const answer = await fetch(`${gateway}/v1/${former}`)
  assert.match(((await answer.json()) as { title: string }).title, /or reload the page\.$/)
})

test('a part that the network kept out is loaded when the session is active again', async () => {
  const gateway = await startSiteGateway()
  const { page, requests } = await open({
    gateway,
    prepare: (page) => page.route(`**/${file}`, (route) => route.abort()),
  })
  await page.waitForFunction(() => window.failures.length > 0)
  await page.locator('chat-session').evaluate(async (element: ChatElement) => {
    await element.end()
    await element.start()
  })
  await untilAttached(page)
  const failed = (await failuresOf(page)).length
  assert.deepEqual(requests, [
    `/v1/${file}`,
    ...Array.from({ length: failed }, (_, n) => `/v1/${file}?${n + 1}`),
  ])
})

test('the device of a page with `push` is subscribed when the script of the calls is there, if the network kept it out at first', async () => {
  const gateway = await startSiteGateway()
  const calls = '**/v1/chat-session-calls-*'
  const { page } = await open({
    gateway,
    tag: await tagFor('notifications push'),
    prepare: async (page) => {
      await page.addInitScript(() => Object.defineProperty(Notification, 'permission', { value: 'granted' }))
      await page.route(calls, (route) => route.abort())
    },
  })
  const failed = (code: string): Promise<void> =>
    until(`the page reports ${code}`, async () => (await failuresOf(page)).some(([each]) => each === code))
  await failed('script-unavailable')
  await page.unroute(calls)
  // The page gets a new connection.
  await page.evaluate(() => ['freeze', 'resume'].forEach((type) => document.dispatchEvent(new Event(type))))
  // The gateway has no key for pushes, and the subscriber says so when it is asked.
  await failed('push-unavailable')
})

test('if the script of the calls hangs, a call fails after half a minute, and messages do not wait for it', async () => {
  const gateway = await startSiteGateway()
  const { page } = await open({
    gateway,
    tag: await tagFor(''),
    prepare: async (page) => {
      await page.clock.install()
      await page.route('**/v1/chat-session-calls-*', () => new Promise(() => undefined))
    },
  })
  const asked = page.waitForRequest(/chat-session-calls-/)
  const history = page.locator('chat-session').evaluate((element: ChatElement) =>
    element.history().then(
      () => 'loaded',
      (error: unknown) => (error as { code: string }).code,
    ),
  )
  await asked
  assert.equal(await sends(page), 1)
  await page.clock.fastForward(30_000)
  assert.equal(await history, 'script-unavailable')
})

test('a page that the user left while the script of the streams was loading connects only when the user is back', async () => {
  const gateway = await startSiteGateway()
  let failLoad = (): void => undefined
  const held = new Promise<void>((resolve) => (failLoad = resolve))
  const { page } = await open({
    gateway,
    tag: await tagFor(''),
    state: 'starting',
    prepare: async (page) => {
      await page.addInitScript(() => {
        // A stream has worked in this tab, so the first attempt waits for the script.
        sessionStorage.setItem('chat-session-stream', '{}')
        const opened: boolean[] = (window.opened = [])
        window.WebSocket = class extends WebSocket {
          constructor(url: string | URL, protocols?: string | string[]) {
            super(url, protocols)
            opened.push(!!window.isBack)
          }
        }
      })
      await page.route('**/v1/chat-session-stream-*', async (route) => {
        await held
        await route.abort()
      })
    },
  })
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })))
  failLoad()
  await page.waitForFunction(() => window.failures.length > 0)
  await page.evaluate(() => {
    window.isBack = true
    dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))
  })
  await page.locator('chat-session:state(active)').waitFor({ state: 'attached' })
  assert.deepEqual(await page.evaluate(() => window.opened), [true])
})

/** A headless browser hides no page and shows no notification, so the page says that it is hidden and collects its notifications. */
const hide = (page: Page): Promise<unknown> =>
  page.addInitScript(() => {
    const shown: string[] = (window.shown = [])
    Object.defineProperty(document, 'visibilityState', { value: 'hidden' })
    const Collected = function (_title: string, { body }: NotificationOptions): void {
      shown.push(body ?? '')
    }
    Collected.permission = 'granted'
    Object.assign(window, { Notification: Collected })
  })

test('messages that come before the script of notifications are shown when it is there, in their order', async () => {
  const gateway = await startSiteGateway()
  let letGo = (): void => undefined
  const held = new Promise<void>((resolve) => (letGo = resolve))
  const { page } = await open({
    gateway,
    prepare: async (page) => {
      await hide(page)
      await page.route(`**/${file}`, async (route) => {
        await held
        await route.continue()
      })
    },
  })
  const bob = newSession({ endpoint: gateway, user: { id: 'bob' }, token: await tokenFor('bob') })
  await bob.start()
  for (const body of ['first', 'second']) await bob.send({ to: 'ada', body })
  await page.waitForFunction(() => document.querySelector('chat-session')?.unread === 2)
  assert.deepEqual(await page.evaluate(() => window.shown), [])
  letGo()
  await page.waitForFunction(() => window.shown.length === 2)
  await bob.send({ to: 'ada', body: 'third' })
  await page.waitForFunction(() => window.shown.length === 3)
  assert.deepEqual(await page.evaluate(() => window.shown), ['first', 'second', 'third'])
})

const fileOf = (name: string): string =>
  Object.keys(integrity).find((each) => each.startsWith(`chat-session-${name}-`)) ?? ''

test('`badge`, a form and <chat-unread> load their scripts, even if they come into the page later', async () => {
  const gateway = await startSiteGateway()
  const { page, requests } = await open({ gateway, tag: await tagFor('') })
  await sends(page)
  assert.deepEqual(requests, [])
  const bob = newSession({ endpoint: gateway, user: { id: 'bob' }, token: await tokenFor('bob') })
  await bob.start()
  await bob.send({ to: 'ada', body: 'Hello' })

  await page.evaluate(() => document.body.append(document.createElement('chat-unread')))
  await page.locator('chat-unread', { hasText: '1' }).waitFor()
  assert.deepEqual(requests, [`/v1/${fileOf('badge')}`])

  await page
    .locator('chat-session')
    .evaluate((element: ChatElement) => element.setAttribute('badge', 'title'))
  await page.waitForFunction(() => document.title === '(1) Parts')

  await page.evaluate(() =>
    document.body.insertAdjacentHTML(
      'beforeend',
      `<form method="post" action="/messages" data-chat-session><input type="hidden" name="to" value="bob">
        <input type="hidden" name="id" value="m1"><textarea name="body"></textarea><button>Send</button></form>`,
    ),
  )
  const loaded = page.waitForResponse((response) => response.url().includes(fileOf('calls')))
  await page.locator('textarea').fill('By a form')
  await loaded
  const received = nextEvent(bob, 'message')
  await page.locator('form button').click()
  assert.deepEqual((await received).detail.message.body, 'By a form')
  assert.deepEqual(requests.slice(1), [`/v1/${fileOf('calls')}`])
  assert.equal(new URL(page.url()).pathname, '/')
  assert.deepEqual(await failuresOf(page), [])
})

test('a form whose script can’t be loaded goes to the site, and a <chat-unread> stays as the server wrote it', async () => {
  const gateway = await startSiteGateway()
  const form = `<chat-unread>4</chat-unread><form method="get" action="/messages" data-chat-session>
    <input type="hidden" name="to" value="ada"><textarea name="body"></textarea><button>Send</button></form>`
  const { page } = await open({
    gateway,
    tag: (await tagFor('')) + form,
    prepare: async (page) => {
      for (const name of ['calls', 'badge']) await page.route(`**/${fileOf(name)}*`, (route) => route.abort())
    },
  })
  await page.waitForFunction(() => window.failures.length >= 2)
  const failed = await failuresOf(page)
  assert.ok(failed.every(([code, retryable]) => code === 'script-unavailable' && retryable))
  assert.equal(await page.locator('chat-unread').textContent(), '4')
  await page.locator('textarea').fill('Hello')
  await page.locator('form button').click()
  await page.waitForURL('**/messages?to=ada&body=Hello')
})
