/** The messages from the primary process to a worker. */
export type ToWorker =
  | { type: 'stop' }
  | { type: 'reload' }
  /** Asks for the worker's metrics. */
  | { type: 'collect'; id: number }
  /** Answers `scrape`. */
  | { type: 'scraped'; id: number; text: string }

/** The messages from a worker to the primary process. */
export type ToPrimary =
  /** The worker receives messages from now on. */
  | { type: 'connected' }
  | { type: 'listening'; url: string; admin: string | null }
  /** Answers `collect`. */
  | { type: 'collected'; id: number; metrics: object[] }
  /** Asks for the metrics of all workers as one text. */
  | { type: 'scrape'; id: number }

/** The environment variable with a worker's role. Only the worker with the role `admin` opens the admin listener. */
export const ROLE = 'CHAT_SESSION_WORKER'
