import { html } from 'hono/html'
import { customers, productOf, products } from './goods.mjs'
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

/** @param {import('./goods.mjs').Product} product @returns {Page} */
export const product = ({ id, name, line, text, price: cents }) => ({
  title: name,
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
  </article>`,
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
    <p>This shop knows three customers and asks none of them for a password. Who are you today?</p>
    <form class="customers" method="post" action="/login">
      ${customers.map(
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
          <dt>Customer</dt>
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
    <p>This is the page where a chat’s window would be. What it would build on is here already:</p>
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
      There is nothing to chat about on this page. The tag is on it all the same: a customer who reads it is
      online, and would hear of a message.
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
