import { randomBytes } from 'node:crypto'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'

/**
 * What the server remembers of one visitor.
 * @typedef {object} Visit
 * @property {string | null} customerId Null until somebody logs in.
 * @property {Map<string, number>} cart Pieces by product id.
 */

/** Seconds that a visit lasts, whatever happens in it. */
const LIFE = 12 * 3600
/** Beyond so many the oldest are forgotten: whoever asks for pages without keeping cookies must not fill the memory. */
const MOST = 10_000

const COOKIE = 'shop_session'

/** @returns {Visit} */
const newVisit = () => ({ customerId: null, cart: new Map() })

/**
 * The visits, kept in memory and found by a cookie that holds nothing but a random id. All of them last equally long,
 * so the map has the one that ends next in front.
 */
export const createSessions = () => {
  /** @type {Map<string, { visit: Visit, until: number }>} */
  const visits = new Map()

  const sweep = () => {
    for (const [id, { until }] of visits) {
      if (until > Date.now() && visits.size < MOST) return
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
    /** The visit that a request belongs to; an empty one, which is not kept, if there is none. */
    read: (/** @type {import('hono').Context} */ context) => find(context) ?? newVisit(),

    /** The same, to be written to. */
    open: (/** @type {import('hono').Context} */ context) => find(context) ?? keep(context, newVisit()),

    /** The visit goes on under a new id: one that was planted in the browser before must not become somebody's. */
    logIn(/** @type {import('hono').Context} */ context, /** @type {string} */ customerId) {
      const { cart } = find(context) ?? newVisit()
      forget(context)
      keep(context, { customerId, cart })
    },

    logOut(/** @type {import('hono').Context} */ context) {
      forget(context)
      deleteCookie(context, COOKIE, { path: '/' })
    },
  }
}
