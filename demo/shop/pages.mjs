import { randomUUID } from 'node:crypto'
import { html } from 'hono/html'
import { customers, productOf, products, seller, visitor } from './goods.mjs'
import { picture } from './pictures.mjs'
import { createTimeFormat } from './public/time.mjs'

/** @typedef {import('./layout.mjs').Page} Page */

const euros = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' })

const price = (/** @type {number} */ cents) => html`<strong>${euros.format(cents / 100)}</strong>`

/** @returns {Page} */
export const home = () => ({
  title: 'Things for a quiet house',
  path: '/',
  body: html`<h1>Things for a quiet house</h1>
    <p class="soft">Six objects that do one thing each, and do it well.</p>
    <ul class="columns">
      ${products.map(
        ({ id, name, line, price: cents }) =>
          html`<li class="card">
            ${picture(id)}
            <h2><a href="/products/${id}">${name}</a></h2>
            <p class="soft">${line}</p>
            ${price(cents)}
          </li>`,
      )}
    </ul>`,
})

/** Returns the names by id as JSON, for the scripts. */
const namesOf = (/** @type {readonly { id: string, name: string }[]} */ all) =>
  JSON.stringify(Object.fromEntries(all.map(({ id, name }) => [id, name])))

/**
 * Returns the attributes with the people and products that a person can have threads about. The scripts show these names only, because a
 * message's sender can put any product into its data. The ids of visitors begin with `guest:~`.
 * @param {import('./goods.mjs').Customer} person
 */
const threadsFor = (person) => {
  const others = person === seller ? [...customers, { ...visitor, id: 'guest:~' }] : [seller]
  return html`data-people="${namesOf(others)}" data-products="${namesOf(products)}"`
}

/** @typedef {Awaited<ReturnType<ReturnType<typeof import('./chat.mjs').createChat>['messages']>>} Inbox */
/** @typedef {NonNullable<Inbox>['messages'][number]} Message */

const formatTime = createTimeFormat('en', 'UTC')

/** Returns who wrote a message, and about what if that is another product than the page's. */
const statusOf = (
  /** @type {Message} */ { from, data },
  /** @type {string} */ other,
  /** @type {string} */ name,
  /** @type {string} */ product,
) => {
  const about =
    data?.['product'] === product ? undefined : productOf(/** @type {string} */ (data?.['product']))
  return `${from === other ? name : 'You'}${about ? ` on ${about.name}` : ''}`
}

/** Returns a message as an item of a list. Without a message it is the template of `thread.js`. */
const item = (
  /** @type {string} */ other,
  /** @type {string} */ status,
  /** @type {Message | undefined} */ message = undefined,
) => {
  const isTheirs = message?.from === other
  const at = message && new Date(message.sentAt)
  return html`<li class="${message ? (isTheirs ? 'theirs' : 'mine') : ''}" data-key="${message?.id}">
    <p class="text" data-body>${message?.body}</p>
    <small class="row">
      <span data-status>${status}</span>
      <time datetime="${at?.toISOString() ?? ''}" data-time
        >${message && `${formatTime(message.sentAt)} UTC`}</time
      >
    </small>
  </li>`
}

/**
 * Returns the thread of two people, with the messages of the inbox. `thread.js` goes on live from there. Its form becomes a message of the
 * session where one is live, and else a POST to the shop, with the same id.
 * @param {import('./goods.mjs').Customer} person The person who sees the page.
 * @param {import('./goods.mjs').Customer} other
 * @param {string} product The id of the product that the form is about.
 * @param {Inbox} inbox
 */
const thread = (person, { id: other, name }, product, inbox) => {
  const messages = inbox?.messages ?? []
  const isVisitor = person === visitor
  return html`<div
    class="thread stack"
    data-thread
    data-other="${other}"
    data-name="${name}"
    data-product="${product}"
    ${threadsFor(person)}
  >
    <p data-older hidden><button type="button">Show older messages</button></p>
    <p class="soft" data-nothing ${inbox && messages.length === 0 ? '' : 'hidden'}>No messages yet.</p>
    <div
      class="stack"
      role="log"
      aria-label="Messages"
      tabindex="0"
      data-log
      ${isVisitor ? '' : html`data-at-logout="remove"`}
      ${messages.length > 0 ? '' : 'hidden'}
    >
      <ol class="stack" data-messages>
        ${messages.map((message) => item(other, statusOf(message, other, name, product), message))}
      </ol>
    </div>
    <p class="soft" data-typing>&nbsp;</p>
    <p class="soft" data-connecting ${isVisitor ? '' : 'hidden'}>
      Connecting to the chat… To write without an account you need JavaScript.
    </p>
    <p class="alert" role="status" data-notice></p>
    <form
      class="stack"
      method="post"
      action="/messages"
      data-chat-session
      data-write
      ${isVisitor ? 'hidden' : ''}
    >
      <input type="hidden" name="from" value="${person.id}" />
      <input type="hidden" name="to" value="${other}" />
      <input type="hidden" name="id" value="${randomUUID()}" />
      <input type="hidden" name="data.product" value="${product}" />
      <label for="body">Write to ${name}</label>
      <div class="row">
        <textarea id="body" name="body" rows="2" maxlength="4000" required></textarea>
        <button class="primary">Send</button>
      </div>
    </form>
    <template data-message>${item(other, '')}</template>
  </div>`
}

/** Returns whether somebody is online, as it was when the page was rendered; nothing if that is unknown. `thread.js` goes on from there. */
const presence = (/** @type {string} */ name, /** @type {boolean | undefined} */ isHere) =>
  isHere === undefined
    ? ''
    : html`<p class="soft" data-presence="${isHere ? 'online' : 'offline'}">
        ${isHere ? `${name} is here now.` : `${name} is away, and answers later.`}
      </p>`

/** Returns the questions on a product's page: a thread for a customer or a visitor, a link for the seller. */
const questions = (
  /** @type {import('./goods.mjs').Customer | undefined} */ customer,
  /** @type {string} */ product,
  /** @type {boolean | undefined} */ sellerIsHere,
  /** @type {Inbox} */ inbox,
) => {
  if (customer === seller)
    return html`<p>Customers’ questions are in your <a href="/messages">messages</a>.</p>`
  const logIn = html`<p><a href="/login">Log in</a> to find your question and the answer on any device.</p>`
  return html`${presence(seller.name, sellerIsHere)} ${thread(customer ?? visitor, seller, product, inbox)}
  ${customer ? '' : logIn}`
}

/** A customer writes to the seller. The seller has a list of those who have written. */
const launcher = (/** @type {import('./goods.mjs').Customer} */ person) =>
  person === seller
    ? html`<chat-window launcher></chat-window>`
    : html`<chat-window launcher peer="${seller.id}"
        ><strong slot="header">${seller.name}</strong></chat-window
      >`

/**
 * @param {import('./goods.mjs').Product} product
 * @param {import('./goods.mjs').Customer | undefined} customer The logged-in customer.
 * @param {boolean | undefined} sellerIsHere Undefined if it is unknown.
 * @param {Inbox} inbox The customer's messages.
 * @returns {Page}
 */
export const product = ({ id, name, line, text, price: cents }, customer, sellerIsHere, inbox) => ({
  title: name,
  script: customer === seller ? '' : 'thread.js',
  isForGuests: true,
  hasWindow: customer !== undefined,
  path: `/products/${id}`,
  since: inbox?.since,
  body: html`<article class="columns wide">
      ${picture(id)}
      <div class="stack">
        <h1>${name}</h1>
        <p class="soft">${line}.</p>
        <p>${text}</p>
        ${price(cents)}
        <form method="post" action="/cart">
          <input type="hidden" name="product" value="${id}" />
          <button class="primary">Add to cart</button>
        </form>
      </div>
    </article>
    <section class="stack" id="questions" aria-labelledby="questions-title">
      <h2 id="questions-title">Questions</h2>
      ${questions(customer, id, sellerIsHere, inbox)}
    </section>
    ${customer ? launcher(customer) : ''}`,
})

/**
 * All conversations of a person, in `<chat-window>`.
 * @returns {Page}
 */
export const conversations = () => ({
  title: 'Conversations',
  path: '/window',
  hasWindow: true,
  body: html`<h1>Conversations</h1>
    <chat-window>
      <p slot="empty">
        Nobody has written yet. A question that is asked on a <a href="/">product’s page</a> comes here.
      </p>
    </chat-window>`,
})

/**
 * Lists those with whom a person has exchanged messages. `threads.js` fills it.
 * @param {import('./goods.mjs').Customer} person
 * @returns {Page}
 */
export const messages = (person) => ({
  title: 'Messages',
  path: '/messages',
  script: 'threads.js',
  body: html`<h1>Messages</h1>
    <p class="soft">The same in <a href="/window">one window</a>.</p>
    <div
      class="thread stack"
      data-threads="${person === seller ? '/messages/:other/:product' : '/products/:product#questions'}"
      ${threadsFor(person)}
    >
      <p class="soft" data-connecting>Connecting to the chat… Messages need JavaScript.</p>
      <p data-nothing hidden>
        ${
          person === seller
            ? 'No customer has written yet.'
            : html`You have no messages yet. Ask about <a href="/">any product</a> on its page.`
        }
      </p>
      <ul class="stack" data-list data-at-logout="remove"></ul>
      <p data-more hidden><button type="button">Show more</button></p>
      <template data-thread>
        <li class="card">
          <h2><a data-link></a></h2>
          <p class="last soft" data-body></p>
          <small class="row soft">
            <time data-time></time>
            <span class="pill alert" data-new hidden></span>
            <span data-contact></span>
          </small>
        </li>
      </template>
    </div>`,
})

/**
 * Shows the seller the thread with one customer, to answer about a product.
 * @param {import('./goods.mjs').Customer} customer
 * @param {import('./goods.mjs').Product} product
 * @param {boolean | undefined} isHere Whether the customer is online; undefined if it is unknown.
 * @param {Inbox} inbox The seller's messages.
 * @returns {Page}
 */
export const conversation = (customer, { id, name }, isHere, inbox) => ({
  title: `${customer.name} on ${name}`,
  path: '',
  script: 'thread.js',
  since: inbox?.since,
  body: html`<p><a href="/messages">All messages</a></p>
    <h1 data-at-logout="remove">${customer.name}</h1>
    <p class="soft">What you write is about <a href="/products/${id}">${name}</a>.</p>
    ${presence(customer.name, isHere)} ${thread(seller, customer, id, inbox)}`,
})

const cartLine = (/** @type {[string, number]} */ [id, pieces]) => {
  const found = productOf(id)
  if (!found) return ''
  return html`<tr>
    <th scope="row"><a href="/products/${id}">${found.name}</a></th>
    <td>${pieces}</td>
    <td>${price(pieces * found.price)}</td>
    <td>
      <form method="post" action="/cart/remove">
        <input type="hidden" name="product" value="${id}" />
        <button aria-label="Remove ${found.name}">×</button>
      </form>
    </td>
  </tr>`
}

/** @param {Map<string, number>} cart @returns {Page} */
export const cart = (cart) => {
  const lines = [...cart]
  const total = lines.reduce((sum, [id, pieces]) => sum + pieces * (productOf(id)?.price ?? 0), 0)
  return {
    title: 'Your cart',
    path: '/cart',
    body: html`<h1>Your cart</h1>
      ${
        lines.length === 0
          ? html`<p>Your cart is empty. <a href="/">See all products</a>.</p>`
          : html`<table>
              <thead>
                <tr>
                  <th scope="col">Product</th>
                  <th scope="col">Pieces</th>
                  <th scope="col">Price</th>
                  <td></td>
                </tr>
              </thead>
              <tbody>
                ${lines.map(cartLine)}
              </tbody>
              <tfoot>
                <tr>
                  <th scope="row" colspan="2">Total</th>
                  <td>${price(total)}</td>
                  <td></td>
                </tr>
              </tfoot>
            </table>`
      }`,
  }
}

/** @returns {Page} */
export const login = () => ({
  title: 'Log in',
  path: '/login',
  body: html`<h1>Log in</h1>
    <p>
      This shop has three customers and a seller, and asks for no password. Who are you today? Open a private
      window to be two of them at once.
    </p>
    <form class="columns wide" method="post" action="/login">
      ${[...customers, seller].map(
        ({ id, name, about }) =>
          html`<button class="card" name="customer" value="${id}">
            <strong>${name}</strong> <span class="soft">${about}</span>
          </button>`,
      )}
    </form>`,
})

/** @param {import('./goods.mjs').Customer} customer @returns {Page} */
export const account = ({ id, name, email }) => ({
  title: 'Your account',
  path: '/account',
  body: html`<div class="stack" data-at-logout="remove">
      <h1>${name}</h1>
      <dl>
        <dt class="soft">User</dt>
        <dd>${id}</dd>
        <dt class="soft">Email</dt>
        <dd>${email}</dd>
      </dl>
      <h2>Notifications</h2>
      <label class="row">
        <input type="checkbox" role="switch" data-notify />
        Notify me of messages on this device, also while the shop is closed
      </label>
      <p class="soft" role="status" data-notify-problem></p>
      <h2>Log out</h2>
      <p>
        Both buttons log you out, and end your chat sessions in all browsers. The first one loads a new page,
        the second one does not.
      </p>
      <div class="row">
        <form method="post" action="/logout"><button class="primary">Log out</button></form>
        <form method="post" action="/logout" data-stay><button>Log out and stay here</button></form>
      </div>
      <p class="alert" role="alert" data-problem></p>
    </div>
    <div class="stack" data-at-logout="show" tabindex="-1" hidden>
      <h1>You are logged out</h1>
      <p><a href="/login">Log in again</a>, or <a href="/">keep browsing</a>.</p>
    </div>`,
})

/** @param {boolean} loggedIn @returns {Page} */
export const help = (loggedIn) => ({
  title: 'Help',
  path: '/help',
  body: html`<h1>Help</h1>
    <p>
      Do you have a question? Write to the seller on the page of <a href="/">any product</a>. Messages travel
      over a chat session.
    </p>
    ${
      loggedIn
        ? html`<h2>Your session</h2>
            <dl data-at-logout="remove">
              <dt class="soft">Session</dt>
              <dd data-chat-state>chat: connecting</dd>
              <dt class="soft">Verified as</dt>
              <dd data-chat-user>–</dd>
            </dl>`
        : html`<p><a href="/login">Log in</a> to start one.</p>`
    }`,
})

/** @returns {Page} */
export const about = () => ({
  title: 'About',
  path: '/about',
  body: html`<h1>About</h1>
    <p>
      Plain &amp; Good is the demo shop of chat-session. A server renders its pages, as in most shops. The
      server knows who is logged in, and gives them a token for the chat gateway.
    </p>
    <p>
      This page has no messages, but it has the chat’s tag. You are online while you read it, and the header
      counts the messages that arrive.
    </p>
    <h2>Imprint</h2>
    <p>Plain &amp; Good<br />1 Example Street<br />Nowhere</p>`,
})

/** @param {string} title @param {string} text @returns {Page} */
export const problem = (title, text) => ({
  title,
  path: '',
  body: html`<h1>${title}</h1>
    <p>${text} <a href="/">Back to the shop</a>.</p>`,
})

/**
 * Says that a message was not sent, and shows its text, which would be lost otherwise.
 * @param {string} text
 * @param {string} why
 * @returns {Page}
 */
export const unsent = (text, why) => ({
  title: 'Your message was not sent',
  path: '',
  body: html`<h1>Your message was not sent</h1>
    <p>${why}</p>
    <blockquote class="text">${text}</blockquote>
    <p><a href="/login">Log in</a> or go <a href="/">back to the shop</a>.</p>`,
})
