// The shop's products and customers. A real shop has them in a database.

/**
 * @typedef {object} Product
 * @property {string} id
 * @property {string} name
 * @property {number} price In cents.
 * @property {string} line One line, for the list.
 * @property {string} text The description on the product's page.
 */

/** @type {readonly Product[]} */
export const products = [
  {
    id: 'mug',
    name: 'Harbour mug',
    price: 1900,
    line: 'Stoneware that keeps its heat',
    text: 'Thrown by hand and glazed in the grey of a harbour in March. Holds a third of a litre and fits under most machines.',
  },
  {
    id: 'notebook',
    name: 'Field notebook',
    price: 1200,
    line: '96 dotted pages that lie flat',
    text: 'Thread-bound, so that it stays open where you left it. The paper takes a fountain pen without showing through.',
  },
  {
    id: 'lamp',
    name: 'Desk lamp',
    price: 8400,
    line: 'A warm light with one joint',
    text: 'One joint, one switch, nothing to configure. The shade is spun aluminium and the lamp in it can be replaced.',
  },
  {
    id: 'planter',
    name: 'Window planter',
    price: 2600,
    line: 'Terracotta with its own saucer',
    text: 'Unglazed inside, so that roots can breathe; glazed below, so that the sill stays dry. Made for herbs.',
  },
  {
    id: 'kettle',
    name: 'Slow kettle',
    price: 5900,
    line: 'Pours where you point it',
    text: 'A long spout and a lid that stays on. Works on gas and induction, and whistles only if you ask it to.',
  },
  {
    id: 'candle',
    name: 'Beeswax candle',
    price: 950,
    line: 'Burns for thirty hours',
    text: 'Poured from the wax of one valley. It smells of honey when you come close, and of nothing across the room.',
  },
]

/** @param {string} id A product's id. */
export const productOf = (id) => products.find((product) => product.id === id)

/**
 * @typedef {object} Customer
 * @property {string} id
 * @property {string} name
 * @property {string} email
 * @property {string} about
 */

/**
 * The seller answers the customers' questions. She logs in on the same page.
 * @type {Customer}
 */
export const seller = {
  id: 'nora',
  name: 'Nora Lind',
  email: 'nora@example.com',
  about: 'Makes and sells everything here',
}

/** @type {readonly Customer[]} */
export const customers = [
  { id: 'alice', name: 'Alice Moreau', email: 'alice@example.com', about: 'Collects mugs' },
  { id: 'bilal', name: 'Bilal Khan', email: 'bilal@example.com', about: 'Furnishes his first flat' },
  { id: 'chiyo', name: 'Chiyo Tanaka', email: 'chiyo@example.com', about: 'Writes everything down' },
]

/** @param {unknown} id A customer's id. */
export const customerOf = (id) => customers.find((customer) => customer.id === id)

/** Whoever looks at a product without being logged in. The gateway gives them a guest's id. */
export const visitor = { id: '', name: 'A visitor', email: '', about: '' }

/**
 * Returns who asked: a customer, or a visitor by the guest's id.
 * @param {string} id
 * @returns {Customer | undefined}
 */
export const askerOf = (id) => (/^guest:~[\w-]{1,64}$/.test(id) ? { ...visitor, id } : customerOf(id))

/** @param {unknown} id A customer's id, or the seller's. */
export const personOf = (id) => (id === seller.id ? seller : customerOf(id))
