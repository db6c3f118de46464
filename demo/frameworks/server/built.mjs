import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'

/** The built pages, and the name of each one's framework. */
const titles = new Map([
  ['react', 'React'],
  ['react-documented', 'React'],
  ['react-hydration', 'React'],
  ['react-late', 'React'],
  ['vue', 'Vue'],
  ['vue-documented', 'Vue'],
  ['vue-bindings', 'Vue'],
  ['svelte', 'Svelte'],
  ['svelte-documented', 'Svelte'],
  ['svelte-bindings', 'Svelte'],
  ['angular', 'Angular'],
  ['angular-documented', 'Angular'],
  ['angular-bindings', 'Angular'],
])

const dist = new URL('../dist/', import.meta.url)
const files = fileURLToPath(new URL('client/', dist))

/** Returns JSON for a script element. A `</script>` in a value would end the element. */
const embedded = (/** @type {unknown} */ value) => JSON.stringify(value).replaceAll('<', '\\u003c')

/**
 * @param {string} name
 * @param {string} body
 * @param {import('./pages.d.mts').Site} site
 */
const documentOf = (name, body, site) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>chat-session in ${titles.get(name)}</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/pages.css" />
    <script type="application/json" id="site">${embedded(site)}</script>
    <script type="module" src="/files/${name}/client.js"></script>
  </head>
  <body>
    <main>
      <h1>${titles.get(name)}</h1>
      <div id="app">${body}</div>
    </main>
  </body>
</html>
`

/**
 * Returns the routes `/NAME` and `/files/NAME/client.js` of every built page. If there is a dist/server/NAME.js, the page is
 * rendered here and hydrated in the browser. Otherwise the browser renders it.
 *
 * @param {(context: import('hono').Context) => Promise<import('./pages.d.mts').Site>} siteOf
 */
export const createBuiltPages = (siteOf) => {
  const routes = new Hono()
  routes.use(
    '/files/*',
    serveStatic({ root: files, rewriteRequestPath: (path) => path.replace('/files/', '') }),
  )
  for (const name of titles.keys())
    routes.get(`/${name}`, async (context) => {
      const site = await siteOf(context)
      const renderer = new URL(`server/${name}.js`, dist)
      const body = existsSync(renderer) ? await (await import(renderer.href)).render(site) : ''
      return context.html(documentOf(name, body, site), 200, { 'cache-control': 'no-store' })
    })
  return routes
}
