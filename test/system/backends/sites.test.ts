import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import type { ChatSessionElement } from '../../../src/element/chat-session.js'
import { verifyToken } from '../../../src/tokens/index.js'
import { APP, SECRET, startShopGateway } from '../../support/sites/shop-gateway.js'
import { newContext } from '../../support/browsers/browser.js'
import { within } from '../../support/raw-client.js'
import { prepareFolder, names, run, startBackend } from './workspace.js'
import { csharpTag, languages, spring, type Language } from './languages.js'
import { startServer } from '../../support/network/http-server.js'
import { chatOf, untilState } from '../../support/sites/page-state.js'

const id = `"></chat-session><script>document.broken=1</script>' & &amp; <b>{{7*7}} Zoë 😀 \\`
const name = `Zoë "the 'hostile'" </script> 😀`
const gateway = await startShopGateway()
const env = { CHAT_APP_ID: APP, CHAT_SECRET: SECRET, GATEWAY: gateway.url }

/** Fails unless the tag is the only element of the page, with the right attributes, and its session is the user's. */
const assertLive = async (page: Page, tokenUrl: string): Promise<void> => {
  await untilState(page, 'active')
  assert.equal((await chatOf(page)).user, id)
  const seen = await page.evaluate(() => {
    const element = document.querySelector<ChatSessionElement>('chat-session')
    return {
      body: [...document.body.querySelectorAll('*')].map(({ localName }) => localName),
      text: document.body.textContent.trim(),
      names: element?.getAttributeNames().sort(),
      app: element?.getAttribute('app-id'),
      user: element?.getAttribute('user-id'),
      tokenUrl: element?.getAttribute('token-url'),
      vouched: element?.session?.user?.name,
      broken: 'broken' in document,
    }
  })
  assert.deepEqual(seen, {
    body: ['chat-session'],
    text: '',
    names: ['app-id', 'token', 'token-url', 'user-id'],
    app: APP,
    user: id,
    tokenUrl,
    vouched: name,
    broken: false,
  })
}

/** Removes the page's tag, waits for the end of its session, and adds the tag without its token. */
const openWithoutToken = async (page: Page): Promise<void> => {
  await page.evaluate(async () => {
    const element = document.querySelector<ChatSessionElement>('chat-session')
    const over = new Promise((resolve) => {
      element?.session?.addEventListener('state', ({ detail }) => {
        if (detail.state === 'ended') resolve(undefined)
      })
    })
    const next = element?.cloneNode() as ChatSessionElement
    next.removeAttribute('token')
    element?.remove()
    await over
    document.body.append(next)
  })
}

const sites = names.flatMap((language) => {
  const { servers = {} }: Language = languages[language]
  return Object.entries(servers).map(([framework, server]) => ({ language, framework, ...server }))
})

for (const { language, framework, command, suffix = '' } of sites)
  test(`${language}, ${framework}: a page's session starts with its token, and by its token-url`, async () => {
    const url = await startBackend(prepareFolder(language), command, env)
    const tokenUrl = `/chat-token${suffix}`

    const refused = await fetch(url + tokenUrl, { redirect: 'manual' })
    assert.equal(refused.status, 401)
    assert.match(refused.headers.get('cache-control') ?? '', /\bno-store\b/)
    assert.doesNotMatch(await refused.text(), /token/)

    const page = await (await newContext()).newPage()
    await page.goto(`${url}/login${suffix}?id=${encodeURIComponent(id)}&name=${encodeURIComponent(name)}`)
    await assertLive(page, tokenUrl)

    const answer = await page.evaluate(async (path) => {
      const response = await fetch(path)
      const { status, headers } = response
      return {
        status,
        type: headers.get('content-type'),
        cache: headers.get('cache-control'),
        body: (await response.json()) as Record<string, string>,
      }
    }, tokenUrl)
    assert.equal(answer.status, 200)
    assert.match(answer.type ?? '', /^application\/json\b/)
    assert.match(answer.cache ?? '', /\bno-store\b/)
    assert.deepEqual(Object.keys(answer.body), ['token'])
    const result = await verifyToken(answer.body['token'] ?? '', { appId: APP, secrets: [SECRET] })
    assert(result.ok, JSON.stringify(result))
    assert.equal(result.claims.userId, id)

    const asked = page.waitForRequest(url + tokenUrl)
    await within(openWithoutToken(page), 'end of the first session')
    await asked
    await untilState(page, 'active')
    assert.equal((await chatOf(page)).user, id)
  })

for (const { language, framework, command, suffix = '' } of sites)
  test(`${language}, ${framework}: if no token can be made the response is 500, and the next request gets a token`, async () => {
    const url = await startBackend(prepareFolder(language), command, {
      CHAT_APP_ID: APP,
      GATEWAY: gateway.url,
    })
    const login = await fetch(`${url}/login${suffix}?id=ada&name=Ada`, { redirect: 'manual' })
    const cookie = login.headers.getSetCookie().map((line) => line.split(';')[0])
    assert.notEqual(cookie.length, 0)
    const ask = (headers: Record<string, string>) =>
      fetch(`${url}/chat-token${suffix}`, {
        headers,
        redirect: 'manual',
        signal: AbortSignal.timeout(60_000),
      })
    const failed = await ask({ cookie: cookie.join('; ') })
    assert.equal(failed.status, 500)
    assert.doesNotMatch(await failed.text(), /"token"/)
    assert.equal((await ask({})).status, 401)
  })

test("C#: a page's session starts with the tag", async () => {
  const tag = run(prepareFolder('C#'), [...csharpTag, id, name], env)
  const site = await startServer((_, response) =>
    response
      .setHeader('Content-Type', 'text/html; charset=utf-8')
      .end(
        `<!doctype html><script type="module" async src="${gateway.url}/v1/chat-session.js"></script><body>${tag}</body>`,
      ),
  )
  const page = await (await newContext()).newPage()
  await page.goto(site.url)
  await assertLive(page, '/chat-token')
})

test('Java, Spring: the controller returns a token to a user, and 401 without a user', async () => {
  const [withoutUser, user, ...rest] = run(prepareFolder('Java'), [...spring, id], env)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { status: number; cacheControl: string; body: Record<string, string> })
  assert.deepEqual(rest, [])
  assert.deepEqual(withoutUser, { status: 401, cacheControl: 'no-store', body: {} })
  assert.equal(user?.status, 200)
  assert.equal(user.cacheControl, 'no-store')
  const result = await verifyToken(user.body['token'] ?? '', { appId: APP, secrets: [SECRET] })
  assert(result.ok, JSON.stringify(result))
  assert.equal(result.claims.userId, id)
})
