import type { WordKey } from './en.js'

/** What is said to the user, by the code with which a session is over. */
const ends: Partial<Record<string, WordKey>> = {
  'signed-out': 'over',
  revoked: 'over',
  'token-expired': 'expired',
  unauthenticated: 'expired',
  refused: 'denied',
  'guests-refused': 'denied',
  replaced: 'elsewhere',
  'too-many-sessions': 'elsewhere',
}

/** Returns the word that says to the user why a session is over. One that is over without a code has been ended by the page. */
export const endWord = (code: string | undefined): WordKey =>
  code === undefined ? 'over' : (ends[code] ?? 'closed')

/** Whether a session that is over with this code, or without one, is a log-out. */
export const isLogOut = (code: string | undefined): boolean => endWord(code) === 'over'
