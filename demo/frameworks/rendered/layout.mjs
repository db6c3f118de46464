import { html } from 'hono/html'

/**
 * Renders a page with the script in its head and the tag in its body. A visitor who is not logged in gets the tag with empty
 * attributes, which count as absent, so the template needs no condition.
 *
 * @param {import('../server/pages.d.mts').Site} site
 * @param {{ title: string, head?: unknown, body: unknown, tag?: unknown, attributes?: unknown }} page `attributes` are the body's.
 */
export const documentOf = (
  { endpoint, ...site },
  { title, head = '', body, tag = tagOf(site), attributes = '' },
) =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/pages.css" />
        <link rel="preconnect" href="${endpoint}" crossorigin />
        <script type="module" async src="${endpoint}/v1/chat-session.js"></script>
        ${head}
      </head>
      <body ${attributes}>
        ${tag}
        <main>${body}</main>
      </body>
    </html>`

/**
 * @param {Pick<import('../server/pages.d.mts').Site, 'appId' | 'user' | 'token'>} site
 * @param {unknown} more More attributes.
 */
export const tagOf = ({ appId, user, token }, more = '') =>
  html`<chat-session
    app-id="${appId}"
    user-id="${user ?? ''}"
    token="${token ?? ''}"
    token-url="${user ? '/chat-token' : ''}"
    ${more}
  ></chat-session>`

/**
 * Renders the form for a log-in or log-out. It redirects to `next`.
 * @param {Pick<import('../server/pages.d.mts').Site, 'user'>} site
 * @param {string} next
 */
export const loginForm = ({ user }, next) =>
  user
    ? html`<form method="post" action="/logout">
        <input type="hidden" name="next" value="${next}" />
        <p>Logged in as ${user} <button>Log out</button></p>
      </form>`
    : html`<form method="post" action="/login">
        <input type="hidden" name="next" value="${next}" />
        <p>
          Not logged in <button name="user" value="alice">Alice</button>
          <button name="user" value="bob">Bob</button>
        </p>
      </form>`

/** The outputs that `/scripts/chat.js` fills. */
export const board = html`<p><output aria-label="State"></output></p>
  <ol aria-label="Messages"></ol>`
