import { createHash, randomBytes } from 'node:crypto'
import { profileOf, type SessionRef, type Signal, type UserRecord, type UserRef } from '../engine/index.js'
import type {
  ClientFrame,
  ClientFrameOf,
  EndCode,
  GatewayFrameOf,
  Resumption,
  User,
} from '../protocol/index.js'
import type { Admitted } from './admission.js'
import type { Settings } from './config.js'
import { createDelivery } from './delivery.js'
import { createFrames } from './frames.js'
import type { Listener } from './hub.js'
import { createLapse } from './lapse.js'
import type { Line } from './line.js'
import type { MessagingContext } from './messaging.js'

/** What becomes of a session when its connection is over: it is held for so many milliseconds, or has ended. */
export type Parting = { holdFor: number } | { code: EndCode }

/** One user's session, as long as one connection carries it. */
export interface LiveSession extends Listener {
  /** Known once it has started. */
  ref(): SessionRef | undefined
  /** Starts a session or carries one on, and says so; false when the connection was over before. */
  start(resume: Resumption | undefined): Promise<boolean>
  /** A frame came on the connection: whoever sent it has the session's new key. */
  heard(): void
  handle(frame: SessionFrame): void
  /** Resolves when every frame that was handled has its answer. */
  settled(): Promise<void>
  /** Frees what the session holds: its connection is over. Called once. */
  release(parting: Parting): void
}

/** What a client may send once its session has started. */
export type SessionFrame = Exclude<ClientFrame, ClientFrameOf<'start'>>

export interface SessionContext extends MessagingContext {
  settings: Pick<Settings, 'pingInterval' | 'sendWindow' | 'resumeWindow'>
}

const hash = (key: string): string => createHash('sha256').update(key).digest('base64url')

const userOf = (record: UserRecord): User => ({ ...profileOf(record), id: record.userId })

export const createLiveSession = (context: SessionContext, admitted: Admitted, line: Line): LiveSession => {
  const { app, expiresAt, userId, guest, vouched, claimed, token } = admitted
  const { engine, settings } = context
  const { connectionId, send, end, attempt } = line
  const of: UserRef = { appId: app.settings.appId, userId }
  let ref: SessionRef | undefined
  let resumed = false
  let isLive = false
  let confirmed = false
  let isEnding = false
  let parting: Parting | undefined
  let epoch = ''
  let user: UserRecord | undefined
  /** A function, since it may be another after each wait. */
  const isOver = (): Parting | undefined => parting
  /** What was told before `started` was sent. */
  const early: Signal[] = []
  const lapse = createLapse(() => end('token-expired'))
  const delivery = createDelivery(engine, of, line)
  const frames = createFrames(context, admitted, { of, lapse, epoch: () => epoch }, line)

  /** Whoever leaves before `started` was sent knows nothing of a new session; one that was carried on is held. */
  const part = async (how: Parting): Promise<void> => {
    if (!ref) return
    if ('code' in how) await engine.endSession(ref, how.code, connectionId)
    else if (isLive || resumed) await engine.detachSession(ref, connectionId, how.holdFor)
    else await engine.endSession(ref, 'ended', connectionId)
  }

  const react = (told: Signal): void => {
    switch (told.type) {
      case 'session-ended':
        if (told.session.sessionId === ref?.sessionId) end(told.code)
        return
      case 'connection-replaced':
        if (told.connectionId === connectionId) end('replaced')
        return
      case 'user-changed':
        return send({ type: 'user', user: userOf(told.user) })
      case 'read':
        return frames.tellRead(told.inbox)
      case 'message':
        return delivery.heard(told)
    }
  }

  return {
    of,
    ref: () => ref,
    hear(told) {
      if (told.type === 'message') delivery.heard(told)
      else if (isLive) react(told)
      else if (told.type === 'user-changed') user = told.user
      else early.push(told)
    },
    async start(resume) {
      const saved = await engine.saveUser(of, { vouched, claimed })
      if (isOver()) return false
      user ??= saved.user
      const resumeKey = randomBytes(18).toString('base64url')
      const { resumeWindow, pingInterval, sendWindow } = settings
      const session = await engine.startSession({
        ...of,
        guest,
        connectionId,
        keyHash: hash(resumeKey),
        ...(resume && { resumes: hash(resume.key) }),
        holdFor: resumeWindow,
        sessionsPerUser: app.settings.limits.sessionsPerUser,
      })
      resumed = session.resumed
      ref = { ...of, sessionId: session.sessionId }
      const over = isOver()
      if (over) {
        await part(over)
        return false
      }
      const lost = resume !== undefined && (await engine.messagesAfter(of, resume, 1)).lost
      const inbox = await engine.inbox(of)
      if (isOver()) return false
      epoch = inbox.epoch
      lapse.at(expiresAt)
      isLive = true
      send({
        type: 'started',
        sessionId: ref.sessionId,
        user: userOf(user),
        guest,
        resumed,
        resumeKey,
        resumeWindow,
        epoch,
        offset: inbox.offset,
        lost,
        unread: inbox.unread,
        expiresIn: lapse.left(),
        pingInterval,
        sendWindow,
        ...(token !== undefined && { token }),
      } satisfies GatewayFrameOf<'started'>)
      // Where offsets don't compare, everything that is kept comes.
      const isComparable = resume?.epoch === epoch && resume.offset <= inbox.offset
      const from = resume ? (isComparable ? resume.offset : 0) : inbox.offset
      delivery.begin({ epoch, offset: from }, inbox.offset, lost)
      for (const told of early.splice(0)) react(told)
      return true
    },
    release(given) {
      // Who said farewell does not come back, even if the connection was lost before the answer.
      const how: Parting = isEnding ? { code: 'ended' } : given
      parting = how
      lapse.stop()
      delivery.stop()
      attempt(part(how))
    },
    settled: () => frames.settled(),
    heard() {
      if (confirmed || !ref) return
      confirmed = true
      attempt(engine.confirmSession(ref, connectionId))
    },
    handle(frame) {
      if (parting || isEnding) return
      if (frame.type === 'end') {
        isEnding = true
        // What was asked for before has its answer first.
        void frames.settled().then(() => end('ended'))
      } else if (frame.type !== 'pong') frames.handle(frame)
    },
  }
}
