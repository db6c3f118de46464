import { html } from 'hono/html'
import { customers, productOf, products, seller } from './goods.mjs'
import { picture } from './pictures.mjs'

/** @typedef {import('./layout.mjs').Page} Page */

const euros = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' })

const price = (/** @type {number} */ cents) => html`<span class="price">${euros.format(cents / 100)}</span>`

/** @returns {Page} */
export const home = () => ({
  title: 'Things for a quiet house',
  path: '/',
  body: html`<div class="intro">
      <h1>Things for a quiet house</h1>
      <p>Six objects that do one thing each, and go on doing it.</p>
    </div>
    <ul class="goods">
      ${products.map(
        ({ id, name, line, price: cents }) =>
          html`<li class="card">
            ${picture(id)}
            <h2><a href="/products/${id}">${name}</a></h2>
            <p>${line}</p>
            ${price(cents)}
          </li>`,
      )}
    </ul>`,
})

/** Names by id, for the scripts. */
const namesOf = (/** @type {readonly { id: string, name: string }[]} */ all) =>
  JSON.stringify(Object.fromEntries(all.map(({ id, name }) => [id, name])))

/**
 * Which threads there are for somebody, by the shop's own names: what a message says of itself is its sender's word.
 * @param {import('./goods.mjs').Customer} person
 */
const threadsFor = (person) =>
  html`data-people="${namesOf(person === seller ? customers : [seller])}" data-products="${namesOf(products)}"`

/**
 * Where two people write about a product. The script fills it; without it there is nothing to write with.
 * @param {import('./goods.mjs').Customer} person Who looks at it.
 * @param {import('./goods.mjs').Customer} other
 * @param {string} product A product's id.
 */
const thread = (person, { id: other, name }, product) =>
  html`<div
    class="thread"
    data-thread
    data-other="${other}"
    data-name="${name}"
    data-product="${product}"
    ${threadsFor(person)}
  >
    <p class="meta" data-connecting>Messages are here as soon as the chat is. They need JavaScript.</p>
    <button type="button" data-older hidden>Look further back</button>
    <div role="log" aria-label="Messages" tabindex="0" data-log hidden>
      <p class="nothing" data-nothing>Nothing is written yet.</p>
      <ol data-messages></ol>
    </div>
    <form data-write hidden>
      <label for="body">Write to ${name}</label>
      <div>
        <textarea id="body" name="body" rows="2" maxlength="4000" required></textarea>
        <button class="primary">Send</button>
      </div>
    </form>
    <template data-message>
      <li>
        <p class="text" data-body></p>
        <p class="meta"><span data-who></span> <time data-time></time></p>
      </li>
    </template>
    <template data-unsent>
      <li class="mine unsent">
        <p class="text" data-body></p>
        <p class="meta">
          <span data-why></span>
          <button type="button" data-again>Try again</button>
        </p>
      </li>
    </template>
  </div>`

/** What a product's page has for whoever is logged in, and for who is not. */
const questions = (
  /** @type {import('./goods.mjs').Customer | undefined} */ customer,
  /** @type {string} */ product,
) => {
  if (!customer) return html`<p><a href="/login">Log in</a> to ask ${seller.name}, who makes it.</p>`
  if (customer === seller)
    return html`<p>What customers ask about it is among your <a href="/messages">messages</a>.</p>`
  return thread(customer, seller, product)
}

/**
 * @param {import('./goods.mjs').Product} product
 * @param {import('./goods.mjs').Customer | undefined} customer Who looks at it.
 * @returns {Page}
 */
export const product = ({ id, name, line, text, price: cents }, customer) => ({
  title: name,
  script: customer && customer !== seller ? 'thread.js' : '',
  path: `/products/${id}`,
  body: html`<article class="product">
      ${picture(id)}
      <div>
        <h1>${name}</h1>
        <p class="lead">${line}.</p>
        <p>${text}</p>
        <p>${price(cents)}</p>
        <form method="post" action="/cart">
          <input type="hidden" name="product" value="${id}" />
          <button class="primary">Put it in the cart</button>
        </form>
      </div>
    </article>
    <section class="questions" id="questions" aria-labelledby="questions-title">
      <h2 id="questions-title">Questions about it</h2>
      ${questions(customer, id)}
    </section>`,
})

/**
 * Whom somebody wrote with, and about what.
 * @param {import('./goods.mjs').Customer} person
 * @returns {Page}
 */
export const messages = (person) => ({
  title: 'Messages',
  path: '/messages',
  script: 'threads.js',
  body: html`<h1>Messages</h1>
    <div
      data-threads="${person === seller ? '/messages/:other/:product' : '/products/:product#questions'}"
      ${threadsFor(person)}
    >
      <p class="meta" data-connecting>Messages are here as soon as the chat is. They need JavaScript.</p>
      <p data-nothing hidden>
        ${
          person === seller
            ? 'No customer has written yet.'
            : html`You have not written to anybody yet. Every product’s page has a place to
                <a href="/">ask</a>.`
        }
      </p>
      <ul class="threads"></ul>
      <template>
        <li class="card">
          <h2><a data-link></a> <span class="count" data-new hidden></span></h2>
          <p class="last" data-body></p>
          <p class="meta"><time data-time></time></p>
        </li>
      </template>
    </div>`,
})

/**
 * What the seller wrote with a customer about a product.
 * @param {import('./goods.mjs').Customer} customer
 * @param {import('./goods.mjs').Product} product
 * @returns {Page}
 */
export const conversation = (customer, { id, name }) => ({
  title: `${customer.name} on ${name}`,
  path: '',
  script: 'thread.js',
  body: html`<p><a href="/messages">All messages</a></p>
    <h1>
      ${customer.name} <span class="about">on <a href="/products/${id}">${name}</a></span>
    </h1>
    ${thread(seller, customer, id)}`,
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
        <button aria-label="Take out ${found.name}">Take out</button>
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
          ? html`<p>There is nothing in it yet. <a href="/">Look around</a>.</p>`
          : html`<table class="cart">
              <thead>
                <tr>
                  <th scope="col">What</th>
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
                  <th scope="row" colspan="2">Together</th>
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
      This shop knows three customers and a seller, and asks none of them for a password. Who are you today?
      In two browsers, or in one and a private window, you can be two of them.
    </p>
    <form class="customers" method="post" action="/login">
      ${[...customers, seller].map(
        ({ id, name, about }) =>
          html`<button class="card" name="customer" value="${id}">
            <strong>${name}</strong> <span>${about}</span>
          </button>`,
      )}
    </form>`,
})

/** @param {import('./goods.mjs').Customer} customer @returns {Page} */
export const account = ({ id, name, email }) => ({
  title: 'Your account',
  path: '/account',
  body: html`<div data-at-logout="remove">
      <h1>${name}</h1>
      <dl class="facts">
        <div>
          <dt>User</dt>
          <dd>${id}</dd>
        </div>
        <div>
          <dt>Email</dt>
          <dd>${email}</dd>
        </div>
      </dl>
      <h2>Log out</h2>
      <p>
        Both ways the shop forgets the log-in and the chat session ends: the first loads a page, the second
        does without.
      </p>
      <div class="choices">
        <form method="post" action="/logout"><button class="primary">Log out</button></form>
        <form method="post" action="/logout" data-stay><button>Log out and stay here</button></form>
      </div>
      <p class="problem" role="alert" data-problem></p>
    </div>
    <div data-at-logout="show" tabindex="-1" hidden>
      <h1>You are logged out</h1>
      <p><a href="/login">Log in again</a>, or <a href="/">go on looking around</a>.</p>
    </div>`,
})

/** @param {boolean} loggedIn @returns {Page} */
export const help = (loggedIn) => ({
  title: 'Help',
  path: '/help',
  body: html`<h1>Help</h1>
    <p>
      Questions are best asked where they come up: on the page of <a href="/">each product</a> you can write
      to the seller. What the messages build on is a session, and this is yours:
    </p>
    ${
      loggedIn
        ? html`<dl class="facts">
            <div>
              <dt>Session</dt>
              <dd data-chat-state>chat: not there yet</dd>
            </div>
            <div>
              <dt>Verified as</dt>
              <dd data-chat-user>nobody yet</dd>
            </div>
          </dl>`
        : html`<p><a href="/login">Log in</a>, and a chat session starts on every page.</p>`
    }`,
})

/** @returns {Page} */
export const about = () => ({
  title: 'About',
  path: '/about',
  body: html`<h1>About</h1>
    <p>
      Plain &amp; Good is the demonstration shop of chat-session. Its pages come from a server, as those of
      most shops do; the server knows who is logged in and vouches for them to the chat gateway.
    </p>
    <p>
      There is nothing to write about on this page. The tag is on it all the same: whoever reads it is online,
      and the header tells of a message that comes meanwhile.
    </p>
    <h2>Imprint</h2>
    <address>Plain &amp; Good<br />1 Example Street<br />Nowhere</address>`,
})

/** @param {string} title @param {string} text @returns {Page} */
export const problem = (title, text) => ({
  title,
  path: '',
  body: html`<h1>${title}</h1>
    <p>${text} <a href="/">Back to the shop</a>.</p>`,
})
