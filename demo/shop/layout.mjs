import { html } from 'hono/html'

/**
 * What a page is made from.
 * @typedef {object} Page
 * @property {string} title
 * @property {string} path Which address it is, for the menu.
 * @property {unknown} body
 * @property {string} [script] The file in public/ that it needs besides the one of every page.
 */

/**
 * What every page needs to know of who asks for it.
 * @typedef {object} Visitor
 * @property {import('./goods.mjs').Customer | undefined} customer
 * @property {string | undefined} token Proves to the gateway who the customer is.
 * @property {number} pieces In the cart.
 */

/** @typedef {{ gateway: string, appId: string }} Chat */

/** The three lines that bring the chat to a page. They are the same on each, whether the page has to do with chat or not. */
const head = (/** @type {Chat} */ { gateway }) =>
  html`<link rel="preconnect" href="${gateway}" crossorigin />
    <script type="module" async src="${gateway}/v1/chat-session.js"></script>`

/** Without a user it waits and does nothing. An attribute that is empty counts as absent, so no template needs an if. */
const tag = (/** @type {Chat} */ { appId }, /** @type {Visitor} */ { customer, token }) =>
  html`<chat-session
    app-id="${appId}"
    user-id="${customer?.id ?? ''}"
    token="${token ?? ''}"
    token-url="${customer ? '/chat-token' : ''}"
  ></chat-session>`

const link = (/** @type {Page} */ { path }, /** @type {string} */ href, /** @type {unknown} */ text) =>
  html`<li>
    <a href="${href}" ${path === href ? html`aria-current="page"` : ''}>${text}</a>
  </li>`

const header = (/** @type {Page} */ page, /** @type {Visitor} */ { customer, pieces }) =>
  html`<header class="top">
    <a class="brand" href="/">Plain &amp; Good</a>
    <nav aria-label="Shop">
      <ul>
        ${link(page, '/help', 'Help')} ${link(page, '/about', 'About')}
        ${link(page, '/cart', html`Cart${pieces ? html` <span class="count" data-at-logout="remove">${pieces}</span>` : ''}`)}
        ${
          customer
            ? html`<li data-at-logout="remove">
                <a href="/messages" ${page.path === '/messages' ? html`aria-current="page"` : ''}
                  >Messages
                  <span class="count" data-unread hidden
                    ><span></span> <span class="unseen">unread</span></span
                  ></a
                >
              </li>`
            : ''
        }
        ${
          customer
            ? html`<li data-at-logout="remove">
                <a href="/account" ${page.path === '/account' ? html`aria-current="page"` : ''}
                  >${customer.name}</a
                >
              </li>`
            : ''
        }
        <li data-at-logout="show" ${customer ? html`hidden` : ''}>
          <a href="/login" ${page.path === '/login' ? html`aria-current="page"` : ''}>Log in</a>
        </li>
      </ul>
    </nav>
    <p class="chat-state" data-chat-state hidden></p>
  </header>`

/**
 * A whole page.
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
        <link rel="stylesheet" href="/public/shop.css" />
        <script type="module" src="/public/shop.js"></script>
        ${page.script ? html`<script type="module" src="/public/${page.script}"></script>` : ''} ${head(chat)}
      </head>
      <body>
        ${tag(chat, visitor)}
        <a class="skip" href="#main">Skip to the content</a>
        ${header(page, visitor)}
        <main id="main">${page.body}</main>
        <footer>
          <p>A demonstration: nothing here is for sale, and nobody pays.</p>
        </footer>
      </body>
    </html>`
