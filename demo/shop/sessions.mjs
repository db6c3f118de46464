import { randomBytes } from 'node:crypto'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'

/**
 * One visitor's state on the server.
 * @typedef {object} Visit
 * @property {string | null} customerId Null until a customer logs in.
 * @property {Map<string, number>} cart The number of pieces by product id.
 */

/** A visit's life in seconds. Requests do not extend it. */
const LIFE = 12 * 3600
/** The most visits in memory. Beyond it the oldest are deleted, so that clients without cookies can't fill the memory. */
const MAX_VISITS = 10_000

const COOKIE = 'shop_session'

/** @returns {Visit} */
const newVisit = () => ({ customerId: null, cart: new Map() })

/**
 * Keeps the visits in memory, by the random id in the visitor's cookie. All visits have the same life, so the Map's first
 * one expires first.
 */
export const createSessions = () => {
  /** @type {Map<string, { visit: Visit, until: number }>} */
  const visits = new Map()

  const sweep = () => {
    for (const [id, { until }] of visits) {
      if (until > Date.now() && visits.size < MAX_VISITS) return
      visits.delete(id)
    }
  }

  /** @param {import('hono').Context} context @param {Visit} visit */
  const keep = (context, visit) => {
    sweep()
    const id = randomBytes(24).toString('base64url')
    visits.set(id, { visit, until: Date.now() + LIFE * 1000 })
    const secure = new URL(context.req.url).protocol === 'https:'
    setCookie(context, COOKIE, id, { path: '/', httpOnly: true, sameSite: 'Lax', secure, maxAge: LIFE })
    return visit
  }

  /** @param {import('hono').Context} context */
  const forget = (context) => visits.delete(getCookie(context, COOKIE) ?? '')

  /** @param {import('hono').Context} context */
  const find = (context) => {
    const found = visits.get(getCookie(context, COOKIE) ?? '')
    return found && found.until > Date.now() ? found.visit : undefined
  }

  return {
    /** Returns the request's visit. If there is none, returns an empty one and does not keep it. */
    read: (/** @type {import('hono').Context} */ context) => find(context) ?? newVisit(),

    /** Returns the request's visit for writing. If there is none, keeps a new one and sets its cookie. */
    open: (/** @type {import('hono').Context} */ context) => find(context) ?? keep(context, newVisit()),

    /**
     * Gives the visit a new id, so that an id which an attacker put into the browser is not logged in. A visitor's cart becomes the
     * customer's; that of another customer, who did not log out, does not.
     */
    logIn(/** @type {import('hono').Context} */ context, /** @type {string} */ customerId) {
      const before = find(context) ?? newVisit()
      const isTheirs = [null, customerId].includes(before.customerId)
      forget(context)
      keep(context, { customerId, cart: isTheirs ? before.cart : new Map() })
    },

    logOut(/** @type {import('hono').Context} */ context) {
      forget(context)
      deleteCookie(context, COOKIE, { path: '/' })
    },
  }
}
