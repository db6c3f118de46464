import { randomBytes } from 'node:crypto'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'

const COOKIE = 'frameworks_visitor'

/** Keeps the logged-in users in memory, by the random id in their cookie. */
export const createVisitors = () => {
  /** @type {Map<string, string>} */
  const users = new Map()

  const forget = (/** @type {import('hono').Context} */ context) =>
    users.delete(getCookie(context, COOKIE) ?? '')

  return {
    /** Returns the id of the logged-in user, or null. */
    userOf: (/** @type {import('hono').Context} */ context) =>
      users.get(getCookie(context, COOKIE) ?? '') ?? null,

    /** Logs in a user, and logs out the previous user of this browser. */
    logIn(/** @type {import('hono').Context} */ context, /** @type {string} */ userId) {
      forget(context)
      const id = randomBytes(24).toString('base64url')
      users.set(id, userId)
      setCookie(context, COOKIE, id, { path: '/', httpOnly: true, sameSite: 'Lax' })
    },

    logOut(/** @type {import('hono').Context} */ context) {
      forget(context)
      deleteCookie(context, COOKIE, { path: '/' })
    },
  }
}
