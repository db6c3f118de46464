import type { Hono } from 'hono'

export interface ShopOptions {
  /** The gateway's address, `http://HOST:PORT`: pages load the script from it and connect to it. */
  gateway: string
  /** One of the app's secrets. Stays on the server. */
  secret: string
  /** @default 'shop' */
  appId?: string | undefined
  /** Seconds that a chat token is good for. @default 300 */
  tokenLife?: number | undefined
}

/** Answers the shop's requests; serve its `fetch`. */
export declare const createShop: (options: ShopOptions) => Hono
