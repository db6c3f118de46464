import type { CheckedMessage, Engine, SendResult } from '../../engine/index.js'
import { sha256 } from '../../util/hash.js'
import { withTimeout } from '../../util/with-timeout.js'
import type { App } from '../apps/app.js'
import { sendRulesOf } from '../apps/engine-rules.js'
import type { AppSettings, Settings } from '../config/parse.js'
import { createConcurrencyLimit, NoPlaceError, type ConcurrencyLimit } from '../limits/concurrency-limit.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'
import { createRequestMeter } from '../outbound/request-meter.js'
import { askAuthorizeSendUrl, type AskedMessage } from './authorize-send-url.js'
import type { Answer, RefusalParts } from './client-sends.js'

/**
 * What becomes of a client's message: it may be stored, with another content if `content` is given (see `Answer`); it is refused; or the
 * engine has it already, and `sent` is the result.
 */
export type Decision = Answer | { sent: SendResult }

/** A message about which the app's backend is asked. */
export interface Asking {
  /** Rejects with an `EngineError` if the engine fails. */
  readonly decision: Promise<Decision>
  /** Called when the message is stored or refused. Until then a retry of the message shares this decision. */
  end(): void
}

/** Asks the `authorizeSendUrl` of apps about clients' messages. */
export type SendAuthorizer = ReturnType<typeof createSendAuthorizer>

/** For each app, how many requests run at once, and how many further messages wait for them. More could overload the backend. */
const MAX_ASKED = 200
const MAX_WAITING = 2_000

/** Milliseconds that a message may wait for its turn and for the answer together. */
const MAX_TIME = 10_000

/** Milliseconds after which a client tries again if too many messages wait. */
const RETRY_AFTER = 5_000

const TOO_MANY: RefusalParts = [
  'unavailable',
  "Too many messages wait for the app's 'authorizeSendUrl'.",
  RETRY_AFTER,
]

/** Returns the message with the content of an `Answer`. */
export const replaceContent = (message: CheckedMessage, content: string | undefined): CheckedMessage => {
  if (content === undefined) return message
  const { body, data } = message
  return {
    ...message,
    ...(JSON.parse(content) as Pick<CheckedMessage, 'body' | 'data'>),
    original: { body, data },
  }
}

interface AuthorizerContext {
  settings: Pick<Settings, 'sendWindow'>
  engine: Pick<Engine, 'findSent'>
  log: Log
  metrics: Metrics
}

export const createSendAuthorizer = ({ settings, engine, log, metrics }: AuthorizerContext) => {
  const limits = new Map<string, ConcurrencyLimit>()
  /** The messages that are asked about and not stored yet, by the hash of everything but the origin. */
  const pending = new Map<string, Promise<Decision>>()

  const limitOf = (appId: string): ConcurrencyLimit => {
    const limit = limits.get(appId) ?? createConcurrencyLimit(MAX_ASKED, MAX_WAITING)
    limits.set(appId, limit)
    return limit
  }

  const ask = async (
    { appId, authorizeSendUrl }: AppSettings,
    from: string,
    question: string,
  ): Promise<Answer> => {
    // A reload has removed `authorizeSendUrl` while the engine looked for the message.
    if (!authorizeSendUrl) return { allowed: true }
    const refuseForNow = (): Answer => {
      metrics.limitsReached.inc({ app: appId, limit: 'authorizations' })
      return { allowed: false, refusal: TOO_MANY }
    }
    const deadline = performance.now() + MAX_TIME
    const work = async (): Promise<Answer> => {
      const timeLeft = Math.ceil(deadline - performance.now())
      if (timeLeft <= 0) throw new NoPlaceError()
      const timeout = Math.min(authorizeSendUrl.timeout, timeLeft)
      const meter = createRequestMeter(metrics, appId, 'authorizeSend')
      const { answer, problem } = await askAuthorizeSendUrl(authorizeSendUrl, question, timeout, meter)
      if (problem !== undefined)
        log.error({ appId, why: problem }, "the app's authorizeSendUrl gave no usable answer about a message")
      return answer
    }
    try {
      const turn = limitOf(appId).run(work, undefined, from)
      return turn ? await withTimeout(turn, MAX_TIME, () => new NoPlaceError()) : refuseForNow()
    } catch (error) {
      if (error instanceof NoPlaceError) return refuseForNow()
      throw error
    }
  }

  const decide = async (app: App, message: CheckedMessage, question: string): Promise<Decision> => {
    const sent = await engine.findSent(message, sendRulesOf(app.settings, settings))
    return sent ? { sent } : ask(app.settings, message.from ?? '', question)
  }

  return {
    /**
     * Begins to ask about a message; undefined for an app without `authorizeSendUrl`. A message that the engine has already is not asked
     * about. `origin` is null for a client that is not a browser.
     */
    begin(
      app: App,
      from: string,
      origin: string | null,
      { id, to, body, data }: Omit<CheckedMessage, 'appId' | 'from'>,
    ): Asking | undefined {
      const { appId, authorizeSendUrl } = app.settings
      if (!authorizeSendUrl) return undefined
      const known = { appId, from, to, id, body: body ?? null, data: data ?? null }
      const question: AskedMessage = { ...known, origin }
      const key = sha256(JSON.stringify(known))
      const decision =
        pending.get(key) ?? decide(app, { appId, id, from, to, body, data }, JSON.stringify(question))
      pending.set(key, decision)
      // A session waits for its earlier messages first. Until then nobody handles a rejection.
      decision.catch(() => undefined)
      return {
        decision,
        end() {
          if (pending.get(key) === decision) pending.delete(key)
        },
      }
    },
  }
}
