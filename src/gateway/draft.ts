import type { Draft, SendRules } from '../engine/index.js'
import { byteLength, isUserId, limits, type RefusalCode } from '../protocol/index.js'
import type { AppSettings, Settings } from './config.js'
import { isTooDeep, NESTING_PROBLEM } from './nesting.js'

/** Why a message can't be sent as it is. `why` holds nothing that was sent. */
export interface DraftProblem {
  code: Extract<RefusalCode, 'bad-request' | 'too-large'>
  why: string
}

const bad = (why: string): DraftProblem => ({ code: 'bad-request', why })

/** What is wrong with a message whatever the app's rules are. */
export const problemOf = ({
  id,
  to,
  body,
  data,
}: Omit<Draft, 'appId' | 'from'>): DraftProblem | undefined => {
  // An id that is no Unicode could not be kept as it is, and two such ids might become one.
  if (id === '' || Array.from(id).length > limits.messageId || /\p{Surrogate}/u.test(id))
    return bad(`A message's 'id' is 1 to ${limits.messageId} characters of well-formed Unicode.`)
  if (!isUserId(to)) return bad("A message's 'to' is not an id that a user can have.")
  if (body === undefined && data === undefined) return bad("A message has a 'body', 'data' or both.")
  if (isTooDeep(data)) return bad(NESTING_PROBLEM)
  const size = byteLength(body ?? '') + (data ? byteLength(JSON.stringify(data)) : 0)
  return size > limits.message
    ? { code: 'too-large', why: `A message's body and data have at most ${limits.message} bytes together.` }
    : undefined
}

/** An app's rules as an engine takes them. */
export const sendRulesOf = (
  { retention, limits: { inboxes, bytes } }: AppSettings,
  { sendWindow }: Pick<Settings, 'sendWindow'>,
  unknownRecipients: boolean,
): SendRules => ({ sendWindow, retention, unknownRecipients, quota: { inboxes, bytes } })
