import type { NewMessage, SendRules } from '../../engine/index.js'
import { isUserId, limits, type RefusalCode } from '../../protocol/index.js'
import type { AppSettings, Settings } from '../config/parse.js'
import { isTooDeep, DEPTH_PROBLEM } from '../limits/json-depth.js'

/** Why a message can't be sent as it is. `why` holds nothing that was sent. */
export interface MessageProblem {
  code: Extract<RefusalCode, 'bad-request' | 'too-large'>
  why: string
}

const bad = (why: string): MessageProblem => ({ code: 'bad-request', why })
const tooLarge = (why: string): MessageProblem => ({ code: 'too-large', why })

/** What a frame has around a message's body and data, at most: ids, and the profile of who sent it. */
const FRAME_OVERHEAD = 8_192
const MAX_JSON = limits.frame - FRAME_OVERHEAD

/** What is wrong with a message whatever the app's rules are. */
export const checkMessage = ({
  id,
  to,
  body,
  data,
}: Omit<NewMessage, 'appId' | 'from'>): MessageProblem | undefined => {
  // An id that is no Unicode could not be kept as it is, and two such ids might become one.
  if (id === '' || Array.from(id).length > limits.messageId || /\p{Surrogate}/u.test(id))
    return bad(`A message's 'id' is 1 to ${limits.messageId} characters of well-formed Unicode.`)
  if (!isUserId(to)) return bad("A message's 'to' is not an id that a user can have.")
  if (body === undefined && data === undefined) return bad("A message has a 'body', 'data' or both.")
  if (isTooDeep(data)) return bad(DEPTH_PROBLEM)
  const size = Buffer.byteLength(body ?? '') + (data ? Buffer.byteLength(JSON.stringify(data)) : 0)
  if (size > limits.message)
    return tooLarge(`A message's body and data have at most ${limits.message} bytes together.`)
  // A control character becomes six, and the message has to come in one frame.
  return Buffer.byteLength(JSON.stringify({ body, data })) > MAX_JSON
    ? tooLarge(`A message's body and data have at most ${MAX_JSON} bytes together as JSON.`)
    : undefined
}

/** Milliseconds for a message that its client sends again at the very end of the window. */
const SEND_WINDOW_MARGIN = 60_000

/** An app's rules as an engine takes them. */
export const sendRulesOf = (
  { retention, limits: { inboxes, bytes } }: AppSettings,
  { sendWindow }: Pick<Settings, 'sendWindow'>,
  unknownRecipients: boolean,
): SendRules => ({
  sendWindow: sendWindow + SEND_WINDOW_MARGIN,
  retention,
  unknownRecipients,
  quota: { inboxes, bytes },
})
