import assert from 'node:assert/strict'
import { describe } from 'node:test'
import ts from 'typescript'
import type { LoginMethodId } from '../../../src/pages/playground/settings.js'
import type { ChatSessionElement } from '../../../src/element/chat-session.js'
import { startServer } from '../../support/network/http-server.js'
import { itOnPlayground as it, type Playground } from '../../support/sites/playground-page.js'

type Tab = 'HTML' | 'JavaScript' | 'React'
const tabs: Tab[] = ['HTML', 'JavaScript', 'React']

const codeOf = async ({ at, open }: Playground, tab: Tab): Promise<string> => {
  await open('Code')
  await at.getByRole('tab', { name: tab }).click()
  return at.locator('#code').innerText()
}

/** Returns the compiler's errors for a component. */
const compileErrorsOf = (code: string): unknown[] => {
  const { diagnostics = [] } = ts.transpileModule(code, {
    reportDiagnostics: true,
    fileName: 'session.tsx',
    compilerOptions: { jsx: ts.JsxEmit.ReactJSX, target: ts.ScriptTarget.ES2022 },
  })
  return diagnostics.map(({ messageText }) => messageText)
}

/** The text of each tab for each log-in, and of the server's part. */
const snippets: Record<LoginMethodId, [RegExp, RegExp, RegExp, RegExp | null]> = {
  token: [
    / token="TOKEN_FROM_YOUR_SERVER"/,
    / token: 'TOKEN_/,
    / token=\{'TOKEN_/,
    /chat-session token --app/,
  ],
  'token-fetcher': [
    /\.tokenFetcher = async/,
    / tokenFetcher: async/,
    / tokenFetcher=\{async/,
    /--expires-in 10$/,
  ],
  'token-and-url': [/ token-url="/, / tokenUrl: '/, / tokenUrl=\{'/, /--expires-in 10$/],
  'token-url': [/ token-url="/, / tokenUrl: '/, / tokenUrl=\{'/, /--expires-in 30$/],
  signature: [
    / signature="SIGNATURE_/,
    / signature: 'SIG/,
    / signature=\{'SIG/,
    /chat-session signature --user alice/,
  ],
  'auth-params': [
    /\.authParams = \{ pass/,
    / authParams: \{ pass/,
    / authParams=\{\{ pass/,
    /authenticate: async/,
  ],
  guest: [/ guest\n/, / guest: true/, / guest=\{true\}/, null],
  'wrong-token': [/ token="TOKEN_/, / token: 'TOKEN_/, / token=\{'TOKEN_/, /chat-session token --app/],
  nothing: [/session-token-needed/, /'tokenneeded'/, /onsession-token-needed=/, /chat-session token --app/],
}

describe('the playground: the snippet', () => {
  it('is the code for the chosen settings, in each language and well-formed for React, before a session starts', async (playground) => {
    const { at, alone, choose } = playground
    await alone()
    for (const [way, [inHtml, inJavascript, inReact, onServer]] of Object.entries(snippets)) {
      await choose(way as LoginMethodId, 'strict')
      for (const [tab, words] of [
        ['HTML', inHtml],
        ['JavaScript', inJavascript],
        ['React', inReact],
      ] as const) {
        const code = await codeOf(playground, tab)
        if (tab === 'React') assert.deepEqual(compileErrorsOf(code), [], way)
        assert.match(code, words, `${way}, ${tab}`)
        for (const each of [/strict/, /alice/, /Alice Moreau/]) assert.match(code, each, `${way}, ${tab}`)
      }
      const server = at.locator('#server')
      if (onServer) assert.match(await server.innerText(), onServer, way)
      else assert.equal(await server.count(), 0)
    }
  })

  it('follows the app, the user and every field of the profile', async (playground) => {
    const { alone, at: page, choose } = playground
    await alone()
    await choose('token', 'strict')
    await page.getByLabel('User id').fill('12345')
    await page.getByText('More of the profile').click()
    await page.getByLabel('E-mail').fill('a@example.com')
    await page.getByLabel('Photo URL (https)').fill('https://example.com/a.png')
    await page.getByLabel('Locale').fill('de')
    await page.getByLabel('Role').fill('buyer')
    await page.getByLabel('Role').blur()
    const code = await codeOf(playground, 'HTML')
    for (const attribute of [
      'app-id="strict"',
      'user-id="12345"',
      'user-email="a@example.com"',
      'user-photo-url="https://example.com/a.png"',
      'user-locale="de"',
      'user-role="buyer"',
    ])
      assert.ok(code.includes(attribute), attribute)
  })

  it('works unchanged in another page, with any characters in the user’s id and name', async (playground) => {
    const { alone, context, dev, at: page } = playground
    await alone()
    const [userId, name] = [`o'hara "1" \\`, `O'Hara "</script>" & \\ <b>`]
    await page.getByLabel('User id').fill(userId)
    await page.getByLabel('Name').fill(name)
    await page.getByLabel('Name').blur()
    const query = new URLSearchParams({ appId: 'playground', userId })
    const { token } = (await (await fetch(`${dev.url}/dev/token?${query}`)).json()) as { token: string }
    const html = (await codeOf(playground, 'HTML')).replace('TOKEN_FROM_YOUR_SERVER', token)
    const javascript = (await codeOf(playground, 'JavaScript'))
      .replace('TOKEN_FROM_YOUR_SERVER', token)
      .replace(`'chat-session'`, `'${dev.url}/v1/chat-session.js'`)
    const site = await startServer((request, response) => {
      response.setHeader('content-type', 'text/html; charset=utf-8')
      response.end(
        request.url === '/html'
          ? html
          : `<script type="module">${javascript}\nObject.assign(window, { user: session.user })</script>`,
      )
    })
    const other = await context.newPage()
    await other.goto(`${site.url}/html`)
    const user = await other.evaluate(async () => {
      await customElements.whenDefined('chat-session')
      return (await document.querySelector<ChatSessionElement>('chat-session')?.whenStarted())?.user
    })
    assert.deepEqual(user, { id: userId, name })
    await other.goto(`${site.url}/javascript`)
    await other.waitForFunction('window.user')
    assert.deepEqual(await other.evaluate('user'), { id: userId, name })
    await site.close()
  })

  it('is copied by a button, which confirms it', async (playground) => {
    const { context, page, press, at } = playground
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    for (const tab of tabs) {
      const code = await codeOf(playground, tab)
      await press('Copy')
      await at.getByText('Copied.').waitFor()
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), code)
    }
  })

  it('is selected if the browser does not let a page copy', async (playground) => {
    const { page, press } = playground
    await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }))
    const code = await codeOf(playground, 'HTML')
    await press('Copy')
    await page.getByText('copy it by keyboard').waitFor()
    const selected = await page.evaluate(() => String(getSelection()))
    assert.equal(selected.trim(), code.trim())
  })
})
