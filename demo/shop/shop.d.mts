import type { Hono } from 'hono'

export interface ShopOptions {
  /** The gateway's address, `http://HOST:PORT`. Pages load the script from it and connect to it. */
  gateway: string
  /** One of the app's secrets. It stays on the server. */
  secret: string
  /** @default 'shop' */
  appId?: string | undefined
  /** A chat token's life in seconds. @default 300 */
  tokenLife?: number | undefined
  /** HTML that every page has besides its own. */
  panel?: { head: unknown; body: unknown } | undefined
}

/** Creates the shop. Serve its `fetch`. */
export declare const createShop: (options: ShopOptions) => Hono
