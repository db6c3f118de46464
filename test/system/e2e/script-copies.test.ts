/** Pages on which somebody else has defined the tags before the script does. */
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { VERSION } from '../../../src/protocol/index.js'
import { newContext } from '../../support/browsers/browser.js'
import { siteOf, startSite, startSiteGateway } from '../../support/sites/element-page.js'
import { tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'

const context = await newContext()

/** Opens a page with these scripts. `other` answers `/v1/chat-session-other.js` on the page's own site. */
const open = async (
  scripts: string,
  tag = '',
  other = '',
): Promise<{ page: Page; url: string; lines: string[] }> => {
  const pages = siteOf({ '/': { html: `<!doctype html><title>Copies</title>${scripts}${tag}` } })
  const url = await startSite((request, response) =>
    request.url === '/v1/chat-session-other.js'
      ? void response.setHeader('content-type', 'text/javascript').end(other)
      : pages(request, response),
  )
  const page = await context.newPage()
  const lines: string[] = []
  page.on('console', (message) => lines.push(`${message.type()} ${message.text()}`))
  await page.goto(url)
  return { page, url, lines }
}

const untilLines = (lines: string[], expected: string[]): Promise<void> =>
  until('the lines of the console', () => [...lines].sort().join('\n'), expected.sort().join('\n'))

const scriptOf = (gateway: string, query = ''): string =>
  `<script type="module" src="${gateway}/v1/chat-session.js${query}"></script>`

test('if another library has defined a tag, the console names the script that could not define it, and the class', async () => {
  const gateway = await startSiteGateway()
  const { lines } = await open(
    `<script>
      customElements.define('chat-session', class OtherChat extends HTMLElement {})
      customElements.define('chat-unread', class extends HTMLElement {})
    </script>${scriptOf(gateway)}`,
  )
  const own = `chat-session ${VERSION} from ${gateway}/v1/chat-session.js`
  await untilLines(lines, [
    `warning <chat-session> is defined by class OtherChat extends HTMLElement {}, and not by ${own}: keep one script`,
    `warning <chat-unread> is defined by class extends HTMLElement {}, and not by ${own}: keep one script`,
  ])
})

test('if another version of the script has defined the tags, the console names both, and the tags work', async () => {
  const gateway = await startSiteGateway()
  const text = await (await fetch(`${gateway}/v1/chat-session.js`)).text()
  const token = await tokenFor('ada')
  const tag = `<chat-session endpoint="${gateway}" app-id="app" user-id="ada" token="${token}"></chat-session>`
  const { page, url, lines } = await open(
    `<script type="module" src="/v1/chat-session-other.js"></script>${scriptOf(gateway)}`,
    tag,
    text.replaceAll(VERSION, '0.0.9'),
  )
  await page.locator('chat-session:state(active)').waitFor({ state: 'attached' })
  const first = `chat-session 0.0.9 from ${url}/v1/chat-session-other.js`
  const second = `chat-session ${VERSION} from ${gateway}/v1/chat-session.js`
  await untilLines(
    lines,
    ['chat-session', 'chat-unread'].map(
      (name) => `warning <${name}> is defined by ${first}, and not by ${second}: keep one script`,
    ),
  )
})

test('a second copy of the same version is a note in the console, and no warning', async () => {
  const gateway = await startSiteGateway()
  const { lines } = await open(scriptOf(gateway) + scriptOf(gateway) + scriptOf(gateway, '?again'))
  const [first, second] = ['', '?again'].map(
    (query) => `chat-session ${VERSION} from ${gateway}/v1/chat-session.js${query}`,
  )
  await untilLines(
    lines,
    ['chat-session', 'chat-unread'].map(
      (name) => `info <${name}> is defined by ${first}, and not by ${second}: keep one script`,
    ),
  )
})
