import { randomUUID } from 'node:crypto'
import type { JsonObject } from '../../protocol/index.js'
import { object, parseObject } from '../../protocol/internal.js'
import type { AppSettings } from '../config/parse.js'
import {
  OutboundRequestError,
  postSigned,
  type OutboundResponse,
  type RequestMeter,
} from '../outbound/outbound-request.js'
import type { Answer, RefusalParts } from './client-sends.js'
import { checkMessage } from './rules.js'

/** A client's message, about which the app's backend is asked. `origin` is null for a client that is not a browser. */
export interface AskedMessage {
  appId: string
  from: string
  to: string
  id: string
  body: string | null
  data: JsonObject | null
  origin: string | null
}

/** An answer, and what is wrong with it, for the log. `problem` has no part of the backend's answer. */
interface ReadAnswer {
  answer: Answer
  problem?: string
}

/** The most bytes of an answer: those of the largest message, and as many again if its characters are escaped. */
const MAX_BYTES = 131_072
/** The most characters of the sentence that the client gets. */
const MAX_SENTENCE = 1_000

const refuse = (...refusal: RefusalParts): Answer => ({ allowed: false, refusal })

const unusable = (problem: string): ReadAnswer => ({ answer: refuse('unavailable'), problem })

/** Returns the sentence for the client; undefined if the backend gives none. */
const sentenceOf = (message: unknown): string | undefined =>
  typeof message === 'string' && message !== ''
    ? Array.from(message).slice(0, MAX_SENTENCE).join('')
    : undefined

/** Reads an answer with `ok: true`. The JSON of many languages has null for an absent field. */
const readContent = (given: Record<string, unknown>, message: AskedMessage): ReadAnswer => {
  const newBody = given['body'] ?? undefined
  const newData = given['data'] ?? undefined
  if (newBody === undefined && newData === undefined) return { answer: { allowed: true } }
  const { id, to } = message
  const body = newBody ?? message.body ?? undefined
  const data = newData ?? message.data ?? undefined
  const why =
    (body === undefined || typeof body === 'string') && (data === undefined || object(data))
      ? checkMessage({ id, to, body, data })?.why
      : "The answer's 'body' is a text, and its 'data' an object."
  return why === undefined
    ? { answer: { allowed: true, content: JSON.stringify({ body, data }) } }
    : unusable(`The content in the answer can't be sent. ${why}`)
}

const readAnswer = ({ status, body }: OutboundResponse, message: AskedMessage): ReadAnswer => {
  if (status === 429 || status >= 500) return unusable(`The answer has the status ${status}.`)
  // This is a no like `ok: false`. Other statuses are a no, too, but they may show that the URL is wrong.
  if (status === 403) return { answer: refuse('refused') }
  if (status !== 200)
    return { answer: refuse('refused'), problem: `The answer has the status ${status}, which is a no.` }
  const given = parseObject(body ?? '')
  if (!given) return unusable(`The answer is not a JSON object of ${MAX_BYTES} bytes or less.`)
  if (given['ok'] === true) return readContent(given, message)
  if (given['ok'] === false) return { answer: refuse('refused', sentenceOf(given['message'])) }
  return { answer: refuse('refused'), problem: "The answer's 'ok' is neither true nor false, which is a no." }
}

/**
 * Asks the app's backend about a message. `question` is the message as JSON. Resolves with `unavailable` if there is no answer within
 * `timeout` milliseconds. Asks only once: the client tries again.
 */
export const askAuthorizeSendUrl = async (
  target: NonNullable<AppSettings['authorizeSendUrl']>,
  question: string,
  timeout: number,
  meter?: RequestMeter,
): Promise<ReadAnswer> => {
  try {
    const response = await postSigned(target, randomUUID(), question, { timeout, maxBytes: MAX_BYTES, meter })
    return readAnswer(response, JSON.parse(question) as AskedMessage)
  } catch (error) {
    if (!(error instanceof OutboundRequestError)) throw error
    return unusable(error.message)
  }
}
