import type { Signal } from '../../engine/index.js'
import { isUserId, signalLimits } from '../../protocol/index.js'
import { bad, isShortText, numberProblem, tooLarge, type MessageProblem } from './rules.js'

const { name: MAX_NAME, data: MAX_DATA, ttl: MAX_TTL, defaultTtl: DEFAULT_TTL } = signalLimits

/** A signal of a client or of the app's backend, before it is checked. */
interface SentSignal {
  to: string
  name: string
  data?: Signal['data']
  ttl?: number | undefined
}

/** Returns the problem of a signal; undefined if it is valid. `createSignaling` checks the app's `signals` rule. */
export const checkSignal = ({
  to,
  name,
  data,
  ttl = DEFAULT_TTL,
}: SentSignal): MessageProblem | undefined => {
  if (!isUserId(to)) return bad("A signal's 'to' is not a valid user id.")
  if (!isShortText(name, MAX_NAME))
    return bad(`A signal's 'name' is 1 to ${MAX_NAME} characters of well-formed Unicode.`)
  if (!Number.isInteger(ttl) || ttl < 1 || ttl > MAX_TTL)
    return bad(`A signal's 'ttl' is a whole number of milliseconds, 1 to ${MAX_TTL}.`)
  const inexact = numberProblem(data)
  if (inexact) return inexact
  // A text has at least as many bytes as code units. So the bytes of a long text need not be counted.
  const json = data === undefined ? '' : JSON.stringify(data)
  return json.length > MAX_DATA || Buffer.byteLength(json) > MAX_DATA
    ? tooLarge(`A signal's 'data' has at most ${MAX_DATA} bytes as JSON.`)
    : undefined
}

/** Returns what the engine is given for a signal. The caller has checked the signal with `checkSignal`. */
export const signalOf = (
  from: string | null,
  { name, data, ttl = DEFAULT_TTL }: Omit<SentSignal, 'to'>,
): Signal => ({
  from,
  name,
  ...(data !== undefined && { data }),
  ttl,
})
