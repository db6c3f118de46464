/** The data that the server writes into a page. */
export interface Site {
  /** The gateway's address. */
  endpoint: string
  appId: string
  /** The id of the logged-in user, or null. */
  user: string | null
  /** A token for that user. */
  token: string | null
}

export interface FrameworkPagesOptions {
  /** @default a free one */
  port?: number | undefined
  /** Seconds until a token expires. @default 300 */
  tokenLife?: number | undefined
  /** Called with each line of the gateway's log, level `debug`. @default warnings go to standard error */
  logged?: ((line: string) => void) | undefined
}

export interface FrameworkPages {
  /** The address of the pages: `${url}/react` and so on. */
  url: string
  /** The gateway's address. */
  endpoint: string
  appId: string
  /** Sends a message from one user to another. Resolves with its offset in the inbox. */
  publish(message: { to: string; from: string; body: string }): Promise<{ offset: number }>
  close(): Promise<void>
}

export declare const startFrameworkPages: (options?: FrameworkPagesOptions) => Promise<FrameworkPages>
