import { Hono } from 'hono'
import { html, raw } from 'hono/html'
import { board, documentOf, loginForm, tagOf } from '../rendered/layout.mjs'

/** A strict policy: no inline script, no inline style, and connections to this site and the gateway only. */
const policyOf = (/** @type {string} */ endpoint) =>
  [
    "default-src 'none'",
    `script-src 'self' ${endpoint}`,
    `connect-src 'self' ${endpoint.replace(/^http/, 'ws')}`,
    'img-src data:',
    "style-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')

const menu = html`<nav>
  <a href="/plain">One</a> <a href="/plain/two">Two</a> <a href="/plain/strict">Strict</a>
  <a href="/plain/frame">Frame</a> <a href="/plain/late">Late</a>
</nav>`

/** An inline script for pages without a build. The session may have started before it runs, so it reads the state once. */
const listeners = raw(`<script>
  const show = () => (document.querySelector('output').textContent = document.querySelector('chat-session').state ?? '')
  document.addEventListener('session-state', show)
  show()
  document.addEventListener('session-message', ({ detail }) => {
    const item = document.createElement('li')
    item.textContent = detail.message.from + ': ' + detail.message.body
    document.querySelector('ol').append(item)
  })
</script>`)

/**
 * Pages of plain HTML with a log-in. They need no build.
 * @param {(context: import('hono').Context) => Promise<import('../server/pages.d.mts').Site>} siteOf
 */
export const createPlainPages = (siteOf) => {
  const routes = new Hono()

  for (const [path, title] of [
    ['/plain', 'One'],
    ['/plain/two', 'Two'],
  ])
    routes.get(path, async (context) => {
      const site = await siteOf(context)
      const body = html`<h1>${title}</h1>
        ${menu} ${loginForm(site, '/plain')} ${board} ${listeners}`
      return context.html(documentOf(site, { title: `Plain: ${title}`, body }))
    })

  routes.get('/plain/strict', async (context) => {
    const site = await siteOf(context)
    context.header('content-security-policy', policyOf(site.endpoint))
    const head = html`<script type="module" src="/scripts/chat.js"></script>`
    const body = html`<h1>Strict</h1>
      ${menu} ${loginForm(site, '/plain/strict')} ${board}`
    return context.html(documentOf(site, { title: 'Plain: a strict policy', head, body }))
  })

  // The chat is in a frame, which the page can remove.
  routes.get('/plain/frame', async (context) => {
    const { endpoint } = await siteOf(context)
    const body = html`<h1>Frame</h1>
      ${menu}
      <button>Remove the frame</button>
      <iframe src="/plain" title="The chat"></iframe>
      ${raw(`<script>
        document.querySelector('button').addEventListener('click', () => document.querySelector('iframe').remove())
      </script>`)}`
    const site = { endpoint, appId: '', user: null, token: null }
    return context.html(documentOf(site, { title: 'Plain: a frame', body, tag: '' }))
  })

  // The tag is parsed, and a script sets a property on it, before the element is registered.
  routes.get('/plain/late', async (context) => {
    const site = await siteOf(context)
    const body = html`<h1>Late</h1>
      ${menu} ${loginForm(site, '/plain/late')} ${board} ${listeners}
      ${raw(`<script>
        const chat = document.querySelector('chat-session')
        chat.user = { name: 'Alice, as a property' }
        const load = () => {
          const script = document.createElement('script')
          Object.assign(script, { type: 'module', src: '${site.endpoint}/v1/chat-session.js' })
          document.head.append(script)
        }
      </script>
      <button onclick="load()">Load the script</button>`)}`
    return context.html(
      html`<!doctype html>
        <html lang="en">
          <head>
            <meta charset="utf-8" />
            <meta name="viewport" content="width=device-width, initial-scale=1" />
            <title>Plain: a late script</title>
            <link rel="icon" href="data:," />
            <link rel="stylesheet" href="/pages.css" />
          </head>
          <body>
            ${tagOf(site)}
            <main>${body}</main>
          </body>
        </html>`,
    )
  })

  return routes
}
