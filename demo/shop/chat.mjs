/* global AbortSignal */
import { createRestClient } from 'chat-session/rest'

/** Milliseconds that a page waits for the gateway before it is rendered without the seller's presence or the messages. */
const STATUS_TIMEOUT = 500
/** Milliseconds that the POST of a form waits for the gateway. */
const SEND_TIMEOUT = 5_000
/** Milliseconds that a log-out waits for the gateway. */
const LOG_OUT_TIMEOUT = 5_000

/**
 * Returns the calls that the shop's backend makes to the gateway's REST API.
 * @param {{ gateway: string, appId: string, secret: string }} options
 */
export const createChat = ({ gateway, appId, secret }) => {
  const client = createRestClient({ endpoint: gateway, appId, secret })

  return {
    /** Ends all chat sessions of a customer, in all browsers, and makes the tokens so far useless. */
    logOutEverywhere: (/** @type {string} */ user) =>
      client.endUserSessions({ user, signal: AbortSignal.timeout(LOG_OUT_TIMEOUT) }),

    /** Returns a customer's chat sessions that have not ended. A customer who has never logged in is unknown to the gateway. */
    sessions: async (/** @type {string} */ user) => {
      const signal = AbortSignal.timeout(STATUS_TIMEOUT)
      const { users } = await client.getUsersStatus({ body: { users: [user] }, signal })
      return users[0]?.sessions ? (await client.listUserSessions({ user, signal })).sessions : []
    },

    /**
     * Returns a user's newest messages with somebody, and with `since` up to where they show the inbox. Undefined while the gateway does
     * not answer, and for a user who never came.
     */
    messages: async (/** @type {string} */ user, /** @type {string} */ other) => {
      try {
        const signal = AbortSignal.timeout(STATUS_TIMEOUT)
        return await client.listMessages({ user, with: other, limit: 100, signal })
      } catch (error) {
        console.warn(`shop: a page is drawn without its messages: ${error}`)
        return undefined
      }
    },

    /** Sends a message of a customer's form. With the same id it is the same message as one that the page has sent. */
    send: (
      /** @type {{ id: string, from: string, to: string, body: string, product: string }} */ message,
    ) => {
      const { to: user, product, ...rest } = message
      const signal = AbortSignal.timeout(SEND_TIMEOUT)
      return client.sendMessage({ user, body: { ...rest, data: { product } }, signal })
    },

    /** Returns whether a user is online; undefined while the gateway does not answer: the shop sells without it. */
    isOnline: async (/** @type {string} */ user) => {
      try {
        const signal = AbortSignal.timeout(STATUS_TIMEOUT)
        const { users } = await client.getUsersStatus({ body: { users: [user] }, signal })
        return users[0]?.online
      } catch (error) {
        console.warn(`shop: who is here is unknown: ${error}`)
        return undefined
      }
    },
  }
}
