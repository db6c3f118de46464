import { Hono } from 'hono'
import { html } from 'hono/html'
import { board, documentOf, loginForm, tagOf } from '../rendered/layout.mjs'

const head = html`<script src="/scripts/parse-html.js"></script>
  <script src="/scripts/htmx.js"></script>
  <script type="module" src="/scripts/chat.js"></script>`

const attributes = html`hx-boost:inherited="true"`

const menu = html`<nav>
  <a href="/htmx">One</a> <a href="/htmx/two">Two</a> <a href="/htmx/morph" hx-swap="innerMorph">Morphed</a>
</nav>`

/**
 * Pages whose links and forms htmx boosts: it swaps the body.
 * @param {(context: import('hono').Context) => Promise<import('../server/pages.d.mts').Site>} siteOf
 */
export const createHtmxPages = (siteOf) => {
  const routes = new Hono()

  for (const [path, title] of [
    ['/htmx', 'One'],
    ['/htmx/two', 'Two'],
    ['/htmx/morph', 'Morphed'],
  ])
    routes.get(path, async (context) => {
      const site = await siteOf(context)
      const body = html`<h1>${title}</h1>
        ${menu} ${loginForm(site, '/htmx')} ${board}
        <p id="time"></p>
        <button hx-get="/htmx/time" hx-target="#time">Time</button>
        <button hx-get="/htmx/tag" hx-swap="none">Fresh tag</button>
        <form hx-post="/logout" hx-swap="none">
          <input type="hidden" name="next" value="/htmx/tag" />
          <button>Log out in place</button>
        </form>`
      const tag = tagOf(site, html`id="chat"`)
      return context.html(documentOf(site, { title: `htmx: ${title}`, head, body, tag, attributes }))
    })

  routes.get('/htmx/time', (context) => context.html(html`${new Date().toISOString()}`))

  // Only the tag, which replaces the page's tag. A log-out can redirect here and keep the page.
  routes.get('/htmx/tag', async (context) =>
    context.html(tagOf(await siteOf(context), html`id="chat" hx-swap-oob="true"`)),
  )

  // A mistake: a preserved element keeps its user, because htmx ignores the attributes in the next page.
  routes.get('/htmx/preserved', async (context) => {
    const site = await siteOf(context)
    const tag = tagOf(site, html`id="chat" hx-preserve`)
    const body = html`<h1>Preserved</h1>
      ${loginForm(site, '/htmx/preserved')} ${board}`
    return context.html(documentOf(site, { title: 'htmx: preserved', head, body, tag, attributes }))
  })

  return routes
}
