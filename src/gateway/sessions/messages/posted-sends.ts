import { EngineError, type Engine } from '../../../engine/index.js'
import {
  errorMessages,
  isRetryable,
  type ClientFrameOf,
  type EndCode,
  type Message,
  type RefusalCode,
} from '../../../protocol/index.js'
import { parseExact } from '../../../protocol/internal.js'
import { admit, messageOf, type Admitted } from '../../auth/admission.js'
import type { Peer, Refusal } from '../../auth/authentication.js'
import type { App } from '../../apps/app.js'
import type { Settings } from '../../config/parse.js'
import type { StartQueue } from '../../limits/start-queue.js'
import type { Log } from '../../log.js'
import {
  authorizeSend,
  problemOfSend,
  refusalOfResult,
  type RefusalParts,
} from '../../messages/client-sends.js'
import { senderOfSession } from '../../messages/own-profile.js'
import type { Asking, Decision, SendAuthorizer } from '../../messages/send-authorizer.js'
import type { Metrics } from '../../metrics/metrics.js'
import type { Tracing } from '../../tracing/tracing.js'
import { engineRetryAfter } from '../engine-retry.js'
import { saveAdmitted } from '../start/save-admitted.js'
import { UserLimits } from '../user-limits.js'
import { setDataAside, storeSend, type ClientSend } from './store-send.js'

/** Messages without a session, with the credentials of their sender. */
export type PostedSends = Pick<ClientFrameOf<'start'>, 'appId' | 'token' | 'signature' | 'userId'> & {
  sends: readonly ClientSend[]
}

/** The result of one message: it is durable, or refused. `retryAfter` is in milliseconds. */
type PostedResult =
  | { id: string; offset: number; sentAt: number }
  | { id: string; code: RefusalCode; message: string; retryable: boolean; retryAfter?: number }

/** The results in the order of the messages, or why all messages are refused. */
export type PostedAnswer = { ok: true; results: PostedResult[] } | Omit<Refusal, 'origin' | 'trace'>

/** A message of a post that was checked. If it is not refused, its data are set aside, and perhaps the app's backend is asked about it. */
type PreparedSend =
  | { send: ClientSend; refusal: RefusalParts; asking?: undefined }
  | { send: ClientSend; refusal?: undefined; asking: Asking | undefined; putDataBack: () => void }

/** The post of an admitted user. */
interface Posting {
  admitted: Admitted
  /** What `senderOfSession` returns. */
  sender?: Message['sender'] | undefined
  /** Until when the app's backend may decide, on the monotonic clock. */
  deadline: number
}

/** Milliseconds within which the app's backend decides about all messages of a post. */
const MAX_TIME = 15_000

const TOO_LATE: RefusalParts = [
  'unavailable',
  "The app's backend took too long to decide about the messages.",
]

/** Resolves with the decision, or with `TOO_LATE` after this many milliseconds. */
const decisionWithin = async ({ decision }: Asking, milliseconds: number): Promise<Decision> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Decision>((resolve) => {
    timer = setTimeout(() => resolve({ allowed: false, refusal: TOO_LATE }), milliseconds).unref()
  })
  return Promise.race([decision, late]).finally(() => clearTimeout(timer))
}

interface PostedSendsContext {
  settings: Pick<Settings, 'apps' | 'sendWindow' | 'startTimeout'>
  /** Resolves with the apps by id, once the engine is open. */
  apps(): Promise<ReadonlyMap<string, App>>
  engine: Engine
  log: Log
  metrics: Metrics
  startQueue: StartQueue
  tracing: Tracing
  sendAuthorizer: SendAuthorizer
}

const GUEST_GONE = 'The guest of this token is no longer kept: start as a guest for another one.'
const REVOKED: RefusalParts = [
  'unauthenticated',
  "The app's backend revoked these credentials: log in again.",
]

const refusal = (code: EndCode, why?: string): PostedAnswer => ({ ok: false, code, why })

/**
 * Creates the function that stores messages without a session. Each message is stored before the next, so that they keep their order. If a message is refused only for now, the messages behind it are refused, too, because they would overtake it. The function
 * rejects with an `EngineError` if the engine fails before the first message. Its argument `json` is the text of the post. `maxTime` is in
 * milliseconds.
 */
export const createPostedSends = (
  context: PostedSendsContext,
  maxTime = MAX_TIME,
): ((posted: PostedSends, json: string, peer: Peer) => Promise<PostedAnswer>) => {
  const { settings, engine, log, metrics, startQueue, sendAuthorizer } = context

  /**
   * Resolves with whether the credential has expired or is revoked. The credential is checked before each message, because the app's
   * `authorizeSend` may take long.
   */
  const isRevoked = async ({ app, userId, credential }: Admitted): Promise<boolean> =>
    (credential.expiresAt !== null && credential.expiresAt <= Date.now()) ||
    (await engine.isRevoked({ appId: app.settings.appId, userId }, credential))

  /**
   * Prepares the messages of a post: checks each of them, begins to ask `authorizeSendUrl` about each, and sets their data aside. The
   * messages behind one that is refused for now are not checked, because they are refused for the same reason.
   */
  const prepare = (
    sends: readonly ClientSend[],
    { app, userId }: Admitted,
    origin: string | null,
  ): PreparedSend[] => {
    const limits = new UserLimits(metrics, app, userId)
    let refusedFor: RefusalParts | undefined
    return sends.map((send) => {
      const refusal = refusedFor ?? problemOfSend(app, userId, send) ?? limits.refusalOfMessage()
      if (refusal) {
        if (isRetryable(refusal[0])) refusedFor = refusal
        // A message that is refused needs no data.
        delete send.data
        return { send, refusal }
      }
      const asking = sendAuthorizer.begin(app, userId, origin, send)
      return { send, asking, putDataBack: setDataAside(send) }
    })
  }

  /** Stores a message, unless it is refused. */
  const store = async (
    prepared: PreparedSend,
    { admitted, sender, deadline }: Posting,
  ): Promise<{ offset: number; sentAt: number } | RefusalParts> => {
    if (prepared.refusal) return prepared.refusal
    const { app, userId: from } = admitted
    const { send, asking, putDataBack } = prepared
    const timeLeft = deadline - performance.now()
    if (timeLeft <= 0) return TOO_LATE
    const decision = await (asking
      ? decisionWithin(asking, timeLeft)
      : authorizeSend(app, log, { from, to: send.to }, timeLeft))
    if ('allowed' in decision && !decision.allowed) return decision.refusal
    if (await isRevoked(admitted)) return REVOKED
    putDataBack()
    const sent = await storeSend(context, app, { from, sender }, send, decision)
    if (!('sentAt' in sent)) return refusalOfResult(sent)
    return { offset: sent.ownOffset ?? sent.offset, sentAt: sent.sentAt }
  }

  const refusalOfError = (error: unknown): RefusalParts => {
    if (!(error instanceof EngineError)) throw error
    metrics.engineErrors.inc({ code: error.code })
    log.warn({ err: error }, 'a posted message was refused because the engine failed')
    return ['unavailable', undefined, engineRetryAfter()]
  }

  const storeAll = async (prepared: readonly PreparedSend[], posting: Posting): Promise<PostedAnswer> => {
    let refusedForAll: RefusalParts | undefined
    const results: PostedResult[] = []
    for (const each of prepared) {
      const { id } = each.send
      const stored = refusedForAll ?? (await store(each, posting).catch(refusalOfError))
      if (Array.isArray(stored)) {
        const [code, message = errorMessages[code], retryAfter] = stored
        const retryable = isRetryable(code)
        if (retryable) refusedForAll = stored
        metrics.refusals.inc({ app: posting.admitted.app.settings.appId, frame: 'send', code })
        results.push({ id, code, message, retryable, ...(retryAfter !== undefined && { retryAfter }) })
      } else results.push({ id, ...stored })
    }
    return { ok: true, results }
  }

  const sendPosted = async (
    { appId, token, signature, userId, sends }: PostedSends,
    bytes: number,
    peer: Peer,
    deadline: number,
  ): Promise<PostedAnswer> => {
    const start = { type: 'start', appId, token, signature, userId } as ClientFrameOf<'start'>
    const apps = await context.apps()
    const admitted = await admit({ engine, settings, metrics, isOpen: () => true }, apps, start, peer)
    if (!admitted.ok) {
      const { code, why, retryAfter, origin } = admitted
      // The id of an unknown app is not logged, because it may be a token in the wrong field.
      const known = apps.has(appId) ? appId : undefined
      log.info({ appId: known, code, why, origin, address: peer.address }, 'posted messages refused')
      return { ok: false, code, why: messageOf(admitted), retryAfter }
    }
    const { app } = admitted
    // The guest no longer exists, and a post must not create another guest, who would never start a session.
    if (admitted.mustBeNew) return refusal('unauthenticated', GUEST_GONE)
    const user = { appId: app.settings.appId, userId: admitted.userId }
    const wait = new UserLimits(metrics, app, user.userId).takeBytes(bytes)
    if (wait > 0) {
      const refusal: RefusalParts = ['rate-limited', undefined, wait]
      return storeAll(
        sends.map((send) => ({ send, refusal })),
        { admitted, deadline },
      )
    }
    // The credential is checked before the user is saved, because a revoked token must not bring back a deleted user.
    if (await isRevoked(admitted)) return refusal(...(REVOKED as [EndCode, string]))
    const saved = await saveAdmitted(context, user, admitted)
    if (!('user' in saved)) return refusal(...saved)
    const prepared = prepare(sends, admitted, peer.origin)
    try {
      const sender = senderOfSession(admitted, saved.user)
      return await storeAll(prepared, { admitted, sender, deadline })
    } finally {
      for (const { asking } of prepared) asking?.end()
    }
  }

  // An async function would keep its argument `posted` for as long as the post waits.
  return (posted, json, peer) => {
    const { appId } = posted
    const bytes = Buffer.byteLength(json)
    const deadline = performance.now() + maxTime
    let answer = refusal('unavailable')
    let parsed: PostedSends | undefined = posted
    const work = async (): Promise<void> => {
      answer = await sendPosted(parsed ?? (parseExact(json) as PostedSends), bytes, peer, deadline).catch(
        (error: unknown) => {
          if (error instanceof EngineError) metrics.engineErrors.inc({ code: error.code })
          throw error
        },
      )
    }
    // Verifying the user of a post takes as much work as verifying the user of a start. So posts wait in the queue of starts.
    const run = startQueue.run(work, peer.address, bytes)
    // A post that waits is parsed again at its turn: the queue counts only the bytes of the text, and parsed data may take 20 times as much
    // memory.
    parsed = undefined
    return Promise.resolve(run).then((isRun) => {
      if (!isRun) metrics.limitsReached.inc({ app: settings.apps.has(appId) ? appId : '', limit: 'starts' })
      return answer
    })
  }
}
