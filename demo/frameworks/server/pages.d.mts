/** What a page is told as it is rendered. */
export interface Site {
  /** The gateway's address. */
  endpoint: string
  appId: string
  /** The id of the user who is logged in; null when nobody is. */
  user: string | null
  /** A token for that user. */
  token: string | null
}

export interface FrameworkPagesOptions {
  /** @default a free one */
  port?: number | undefined
  /** Seconds that a token is good for. @default 300 */
  tokenLife?: number | undefined
  /** Called with each line of the gateway's log, level `debug`. @default warnings go to standard error */
  logged?: ((line: string) => void) | undefined
}

export interface FrameworkPages {
  /** Where the pages are: `${url}/react` and so on. */
  url: string
  /** The gateway's address. */
  endpoint: string
  appId: string
  /** Sends a message to a user, in another's name. Answers its place in the inbox. */
  publish(message: { to: string; from: string; body: string }): Promise<{ offset: number }>
  close(): Promise<void>
}

export declare const startFrameworkPages: (options?: FrameworkPagesOptions) => Promise<FrameworkPages>
