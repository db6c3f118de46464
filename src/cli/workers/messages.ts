/** What the primary process sends to a worker. */
export type ToWorker =
  | { type: 'stop' }
  | { type: 'reload' }
  /** Asks for the worker's metrics. */
  | { type: 'collect'; id: number }
  /** Answers `scrape`. */
  | { type: 'scraped'; id: number; text: string }

/** What a worker sends to the primary process. */
export type ToPrimary =
  | { type: 'listening'; url: string; admin: string | null }
  /** Answers `collect`. */
  | { type: 'collected'; id: number; metrics: object[] }
  /** Asks for the metrics of all workers as one text. */
  | { type: 'scrape'; id: number }

/** The environment variable by which a worker knows its role. Only the worker `admin` listens as `config.admin` says. */
export const ROLE = 'CHAT_SESSION_WORKER'
