import { randomBytes } from 'node:crypto'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'

const COOKIE = 'frameworks_visitor'

/** Who is logged in, in memory, found by a cookie that holds nothing but a random id. */
export const createVisitors = () => {
  /** @type {Map<string, string>} */
  const users = new Map()

  const forget = (/** @type {import('hono').Context} */ context) =>
    users.delete(getCookie(context, COOKIE) ?? '')

  return {
    /** The id of the user who is logged in; null when nobody is. */
    userOf: (/** @type {import('hono').Context} */ context) =>
      users.get(getCookie(context, COOKIE) ?? '') ?? null,

    /** Whoever was logged in before is no more. */
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
