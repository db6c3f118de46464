// The browser and the servers of the rows that measure a page.
import { createServer } from 'node:http'
import { chromium } from 'playwright-core'
import { chromiumArgs, chromiumPath } from '../scripts/chromium.mjs'

const types = { html: 'text/html', js: 'text/javascript', json: 'application/json' }

/** Resolves with the port at which a server listens from now on. */
export const listen = (server) =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))

/** Runs `use` with the URL of a server of these texts, by their paths. Ends the server afterwards. */
export const withSite = async (texts, use) => {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://127.0.0.1')
    if (!(pathname in texts)) return response.writeHead(404).end()
    const type = types[/\w+$/.exec(pathname)?.[0]] ?? types.html
    response.writeHead(200, { 'content-type': type }).end(texts[pathname])
  })
  try {
    return await use(`http://127.0.0.1:${await listen(server)}`)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

/** Runs `use` with the project's Chromium, and closes it afterwards. */
export const withBrowser = async (use) => {
  const browser = await chromium.launch({ executablePath: await chromiumPath(), args: chromiumArgs })
  try {
    return await use(browser)
  } finally {
    await browser.close()
  }
}
