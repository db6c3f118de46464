import { Hono } from 'hono'
import { html } from 'hono/html'
import { board, documentOf, loginForm, tagOf } from '../rendered/layout.mjs'

const head = html`<script type="module" src="/scripts/turbo.js"></script>
  <script type="module" src="/scripts/chat.js"></script>`

const menu = html`<nav>
  <a href="/turbo">One</a> <a href="/turbo/two">Two</a> <a href="/turbo/frames">Frames</a>
  <a href="/turbo/morph">Morph</a>
</nav>`

/** A frame whose link switches between two steps. Each step has a tag of its own. */
const frameOf = (/** @type {import('../server/pages.d.mts').Site} */ site, /** @type {string} */ step) =>
  html`<turbo-frame id="step">
    <p>Step ${step} <a href="/turbo/frames?step=${step === '1' ? '2' : '1'}">Next</a></p>
    ${tagOf(site)}
  </turbo-frame>`

/**
 * Pages for Turbo Drive, frames, previews from the cache, and refreshes by morphing.
 * @param {(context: import('hono').Context) => Promise<import('../server/pages.d.mts').Site>} siteOf
 */
export const createTurboPages = (siteOf) => {
  const routes = new Hono()

  for (const [path, title] of [
    ['/turbo', 'One'],
    ['/turbo/two', 'Two'],
  ])
    routes.get(path, async (context) => {
      const site = await siteOf(context)
      const body = html`<h1>${title}</h1>
        ${menu} ${loginForm(site, '/turbo')} ${board}`
      return context.html(documentOf(site, { title: `Turbo: ${title}`, head, body }))
    })

  routes.get('/turbo/frames', async (context) => {
    const site = await siteOf(context)
    const body = html`<h1>Frames</h1>
      ${menu} ${frameOf(site, context.req.query('step') ?? '1')} ${board}`
    return context.html(documentOf(site, { title: 'Turbo: frames', head, body }))
  })

  // For Turbo a visit that replaces the page with itself is a refresh. With morphing it changes only what differs.
  let served = 0
  routes.get('/turbo/morph', async (context) => {
    const site = await siteOf(context)
    served += 1
    const morphing = html`${head} <meta name="turbo-refresh-method" content="morph" />`
    const body = html`<h1>Morph</h1>
      ${menu}
      <p>
        <output aria-label="Served">${served}</output>
        <a href="/turbo/morph" data-turbo-action="replace">Refresh</a>
      </p>
      ${loginForm(site, '/turbo/morph')} ${board}`
    return context.html(documentOf(site, { title: 'Turbo: a morphing refresh', head: morphing, body }))
  })

  // A mistake: a permanent element keeps its user, because Turbo ignores the attributes in the next page.
  for (const [path, title] of [
    ['/turbo/permanent', 'Permanent'],
    ['/turbo/permanent/two', 'Permanent, too'],
  ])
    routes.get(path, async (context) => {
      const site = await siteOf(context)
      const tag = tagOf(site, html`id="chat" data-turbo-permanent`)
      const body = html`<h1>${title}</h1>
        <a href="/turbo/permanent/two">Permanent, too</a> ${loginForm(site, '/turbo/permanent')} ${board}`
      return context.html(documentOf(site, { title: `Turbo: ${title}`, head, body, tag }))
    })

  return routes
}
