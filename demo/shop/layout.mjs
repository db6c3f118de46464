import { html } from 'hono/html'

/**
 * The part of a page that differs from the other pages.
 * @typedef {object} Page
 * @property {string} title
 * @property {string} path Its address, for the menu.
 * @property {unknown} body
 * @property {string | undefined} [since] Up to where the page shows the visitor's messages.
 * @property {boolean} [isForGuests] Whether a visitor who is not logged in can write.
 * @property {boolean} [hasWindow] Whether it has a `<chat-window>`.
 * @property {string} [script] A file in public/ that it loads besides shop.js.
 */

/**
 * The visitor that a page is rendered for.
 * @typedef {object} Visitor
 * @property {import('./goods.mjs').Customer | undefined} customer
 * @property {string | undefined} token The customer's token for the gateway.
 * @property {number} pieces The number of pieces in the cart.
 */

/** @typedef {{ gateway: string, appId: string, panel?: { head: unknown, body: unknown } }} Chat */

/** Loads the chat's script, on every page, so that every page has the session. Pages with a chat window load that, too. */
const head = (/** @type {Chat} */ { gateway }, /** @type {Page} */ { hasWindow }) =>
  html`<link rel="preconnect" href="${gateway}" crossorigin />
    <script type="module" async src="${gateway}/v1/chat-session.js"></script>
    ${hasWindow ? html`<script type="module" async src="${gateway}/v1/chat-window.js"></script>` : ''}`

/**
 * Without a user the element stays idle, unless the page lets visitors write as guests: what they asked is theirs after the log-in. An
 * empty attribute counts as absent, so the template needs no condition.
 */
const tag = (
  /** @type {Chat} */ { appId },
  /** @type {Visitor} */ { customer, token },
  /** @type {Page} */ { since = '', isForGuests = false },
) =>
  html`<chat-session
    app-id="${appId}"
    user-id="${customer?.id ?? ''}"
    token="${token ?? ''}"
    token-url="${customer ? '/chat-token' : ''}"
    ${isForGuests && !customer ? 'guest' : ''}
    adopt-guest
    badge="title favicon"
    since="${since}"
  ></chat-session>`

const link = (/** @type {Page} */ { path }, /** @type {string} */ href, /** @type {unknown} */ text) =>
  html`<a href="${href}" ${path === href ? html`aria-current="page"` : ''}>${text}</a>`

const unreadBadge = html`<chat-unread class="pill alert" max="99" label="{n} unread messages"></chat-unread>`

/** `shop.js` removes and shows the parts with `data-at-logout` after a log-out that loads no page. */
const header = (/** @type {Page} */ page, /** @type {Visitor} */ { customer, pieces }) =>
  html`<header class="row">
    <a class="brand" href="/">Plain &amp; Good</a>
    <small class="chat-state pill" data-chat-state hidden></small>
    <nav aria-label="Shop">
      <ul class="row">
        <li>${link(page, '/help', 'Help')}</li>
        <li>${link(page, '/about', 'About')}</li>
        <li>
          ${link(page, '/cart', html`Cart${pieces ? html` <small class="pill" data-at-logout="remove">${pieces}</small>` : ''}`)}
        </li>
        ${
          customer
            ? html`<li data-at-logout="remove">${link(page, '/messages', html`Messages ${unreadBadge}`)}</li>
                <li data-at-logout="remove">${link(page, '/account', customer.name)}</li>`
            : ''
        }
        <li data-at-logout="show" ${customer ? html`hidden` : ''}>${link(page, '/login', 'Log in')}</li>
      </ul>
    </nav>
  </header>`

/**
 * Renders a whole page.
 * @param {Chat} chat
 * @param {Visitor} visitor
 * @param {Page} page
 */
export const layout = (chat, visitor, page) =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${page.title} · Plain &amp; Good</title>
        <link rel="icon" href="/public/icon.svg" />
        <link rel="manifest" href="/public/manifest.webmanifest" />
        <link rel="stylesheet" href="/public/shop.css" />
        <script type="module" src="/public/shop.js"></script>
        ${page.script ? html`<script type="module" src="/public/${page.script}"></script>` : ''}
        ${head(chat, page)} ${chat.panel?.head ?? ''}
      </head>
      <body class="stack">
        ${tag(chat, visitor, page)}
        <a class="skip" href="#main">Skip to the content</a>
        ${header(page, visitor)}
        <main class="stack" id="main">${page.body}</main>
        ${chat.panel?.body ?? ''}
        <footer class="soft"><small>This is a demo. Nothing here is for sale.</small></footer>
      </body>
    </html>`
