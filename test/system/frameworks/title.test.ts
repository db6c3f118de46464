/** The badge in the title, on pages whose library keeps titles and puts them back. */
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import type { ChatSessionElement } from '../../../src/element/chat-session.js'
import type { ChatSession } from '../../../src/session/index.js'
import { newContext } from '../../support/browsers/browser.js'
import { newSession } from '../../support/clients/client-sessions.js'
import { startGateway } from '../../support/gateway.js'
import { startSite } from '../../support/sites/element-page.js'
import { tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'

const packages = new URL('../../../demo/frameworks/node_modules/', import.meta.url)

/** The file of each library, the attributes of its script tag, and those of a body whose links and forms it handles. */
const libraries: [name: string, file: string, script: string, body: string][] = [
  ['Turbo 8', '@hotwired/turbo/dist/turbo.es2017-esm.js', 'type="module"', ''],
  ['htmx 2', 'htmx.org-2/dist/htmx.js', '', 'hx-boost="true"'],
  ['htmx 4', 'htmx.org/dist/htmx.min.js', '', 'hx-boost:inherited="true"'],
]

/** What htmx 4 needs in this Chromium. */
const fixture = readFileSync(new URL('../htmx/parse-html.js', packages), 'utf8')

interface Place {
  page: Page
  /** A user who writes to the page's user. */
  bob: ChatSession
}

/** Opens the first of three pages that link to each other, of a site whose visitor is logged in until the form is sent. */
const open = async (file: string, script: string, body: string): Promise<Place> => {
  const { url: endpoint, gateway } = await startGateway({})
  const library = readFileSync(new URL(file, packages))
  let user = 'ada'
  const token = await tokenFor(user)
  const url = await startSite(({ method, url = '' }, response) => {
    if (url === '/library.js') return void response.setHeader('content-type', 'text/javascript').end(library)
    if (method === 'POST') {
      user = ''
      return void gateway
        .client('app')
        .endUserSessions({ user: 'ada' })
        .then(() => response.writeHead(303, { location: '/' }).end())
    }
    const title = { '/two': 'Two', '/three': 'Three' }[url] ?? 'One'
    response.setHeader('content-type', 'text/html').end(`<!doctype html><html><head><title>${title}</title>
      <link rel="icon" href="data:,"><script>${fixture}</script><script ${script} src="/library.js"></script>
      <script type="module" src="${endpoint}/v1/chat-session.js"></script></head><body ${body}>
      <chat-session app-id="app" user-id="${user}" token="${user && token}" badge="title"></chat-session>
      <h1>${title}</h1><a href="/">One</a> <a href="/two">Two</a> <a href="/three">Three</a>
      <form method="post" action="/logout"><button>Log out</button></form></body></html>`)
  })
  const page = await (await newContext()).newPage()
  await page.goto(url)
  await untilActive(page)
  const bob = newSession({ endpoint, user: { id: 'bob' }, token: await tokenFor('bob') })
  await bob.start()
  return { page, bob }
}

const untilActive = (page: Page): Promise<void> =>
  page.locator('chat-session:state(active)').waitFor({ state: 'attached' })

const untilTitle = (page: Page, title: string): Promise<void> => until('the title', () => page.title(), title)

const untilShown = (page: Page, heading: string): Promise<void> =>
  page.getByRole('heading', { name: heading, exact: true }).waitFor()

const follow = async (page: Page, name: string): Promise<void> => {
  await page.getByRole('link', { name, exact: true }).click()
  await untilShown(page, name)
}

const say = (bob: ChatSession): Promise<unknown> => bob.send({ to: 'ada', body: 'Hi' })

for (const [name, ...files] of libraries) {
  test(`${name}: back and forward show the title of each page with the count of now, after a reload too`, async () => {
    const { page, bob } = await open(...files)
    await say(bob)
    await untilTitle(page, '(1) One')
    await follow(page, 'Two')
    await untilTitle(page, '(1) Two')
    await say(bob)
    await untilTitle(page, '(2) Two')
    for (const round of [3, 4, 5]) {
      await page.goBack()
      await untilShown(page, 'One')
      await untilTitle(page, `(${round - 1}) One`)
      await say(bob)
      await untilTitle(page, `(${round}) One`)
      await page.goForward()
      await untilShown(page, 'Two')
      await untilTitle(page, `(${round}) Two`)
    }
    await page.reload()
    await untilTitle(page, '(5) Two')
    await say(bob)
    await untilTitle(page, '(6) Two')
    await page.goBack()
    await untilShown(page, 'One')
    await untilTitle(page, '(6) One')
    await page.locator('chat-session').evaluate((element: ChatSessionElement) => element.markRead(6))
    await untilTitle(page, 'One')
    await page.goForward()
    await untilShown(page, 'Two')
    await untilTitle(page, 'Two')
  })

  test(`${name}: after the log-out no page has a count in its title, and none comes back`, async () => {
    const { page, bob } = await open(...files)
    await say(bob)
    await untilTitle(page, '(1) One')
    await follow(page, 'Two')
    await say(bob)
    await untilTitle(page, '(2) Two')
    await follow(page, 'Three')
    await untilTitle(page, '(2) Three')
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.locator('chat-session[user-id=""]').waitFor({ state: 'attached' })
    await untilTitle(page, 'One')
    await page.reload()
    await untilShown(page, 'One')
    for (const heading of ['Three', 'Two', 'One']) {
      await page.goBack()
      await untilShown(page, heading)
      await untilTitle(page, heading)
    }
  })
}

test('a script that keeps the title for the next page puts it back without a count', async () => {
  const { page, bob } = await open('htmx.org-2/dist/htmx.js', '', '')
  await say(bob)
  await untilTitle(page, '(1) One')
  await page.evaluate(() => sessionStorage.setItem('kept', document.title))
  await follow(page, 'Two')
  await untilTitle(page, '(1) Two')
  await say(bob)
  await untilTitle(page, '(2) Two')
  await page.evaluate(() => (document.title = sessionStorage.getItem('kept') ?? ''))
  await untilTitle(page, '(2) One')
})
