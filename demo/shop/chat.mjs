/* global AbortSignal */
import { createAppToken } from 'chat-session/tokens'

/** Milliseconds that a page waits for the gateway before it is rendered without the seller's presence. */
const STATUS_TIMEOUT = 500
/** Milliseconds that a log-out waits for the gateway. */
const LOG_OUT_TIMEOUT = 5_000

/**
 * Returns the calls that the shop's backend makes to the gateway's REST API.
 * @param {{ gateway: string, appId: string, secret: string }} options
 */
export const createChat = ({ gateway, appId, secret }) => {
  /** @param {string} method @param {string} path @param {number} timeout @param {object} [body] */
  const call = async (method, path, timeout, body) => {
    const response = await fetch(`${gateway}/v1/apps/${appId}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await createAppToken({ appId, secret })}`,
        'content-type': 'application/json',
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeout),
    })
    if (!response.ok) throw new Error(`The gateway answered ${response.status} to ${method} ${path}.`)
    return response.json()
  }

  return {
    /** Ends all chat sessions of a customer, in all browsers, and makes the tokens so far useless. */
    logOutEverywhere: (/** @type {string} */ userId) =>
      call('DELETE', `/users/${encodeURIComponent(userId)}/sessions`, LOG_OUT_TIMEOUT),

    /** Returns whether a user is online; undefined while the gateway does not answer: the shop sells without it. */
    isOnline: async (/** @type {string} */ userId) => {
      try {
        const { users } = await call('POST', '/users:status', STATUS_TIMEOUT, { users: [userId] })
        return users[0].online
      } catch (error) {
        console.warn(`shop: the seller's presence is unknown: ${error}`)
        return undefined
      }
    },
  }
}
