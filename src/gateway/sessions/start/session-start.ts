import { randomUUID } from 'node:crypto'
import type { Adoption, InboxState, Position, SavedUser, SessionRef, UserRef } from '../../../engine/index.js'
import type { ClientFrameOf } from '../../../protocol/index.js'
import { sha256 } from '../../../util/hash.js'
import type { Admitted } from '../../auth/admission.js'
import type { ConnectionHandle } from '../connection-handle.js'
import type { Client, SessionContext } from '../session-context.js'
import type { DetachOrEnd, EngineSession, Starting } from '../session-phase.js'
import { adoptAtStart } from './adopt-guest.js'
import { saveAdmitted, startRefusals } from './save-admitted.js'

interface SessionStart {
  user: UserRef
  admitted: Admitted
  /** The frame of the start. `since` counts before the position in `resume`. `adopt` is the token of a guest whom the user adopts. */
  frame: Pick<ClientFrameOf<'start'>, 'resume' | 'since' | 'adopt' | 'hidden'>
  client: Client
  /**
   * `openSession` sets its `engineSession` as soon as the engine has the session. If the connection closes before `started` is sent,
   * `LiveSession` abandons that session.
   */
  starting: Starting
  connection: ConnectionHandle
  /** What becomes of the session if the connection has closed; undefined while it is open. */
  released: () => DetachOrEnd | undefined
}

/** A session that the engine has started or resumed, with all that the client is told about the session. */
export interface OpenedSession {
  ref: SessionRef
  resumed: boolean
  resumeKey: string
  saved: SavedUser
  /** The token that the gateway signed for this user. */
  token: string | undefined
  /** The result of `adoptAtStart`. Also undefined if the client did not ask to adopt a guest. */
  adopted: Adoption | null | undefined
  /** The position after which the client's messages begin; undefined if they begin after the newest message. */
  position: Position | undefined
  /** Whether messages after `position` are gone. */
  lost: boolean
  inbox: InboxState
}

/**
 * Saves the user, and starts or resumes the session. If the start is refused, ends the connection. Resolves with
 * undefined if the start is refused or the connection has closed.
 */
export const openSession = async (
  context: SessionContext,
  { user, admitted, frame, client, starting, connection, released }: SessionStart,
): Promise<OpenedSession | undefined> => {
  const { engine, node } = context
  const { resumeWindow } = context.settings
  const { app, guest, credential, signToken } = admitted
  const { resume, since, adopt, hidden = false } = frame
  const saved = await saveAdmitted(context, user, admitted)
  if (!('user' in saved)) {
    connection.end(...saved)
    return undefined
  }
  if (released()) return undefined
  const token = signToken && (await signToken(saved.user))
  const resumeKey = randomUUID()
  const position = since ?? resume
  // No spread: those of this function took 15 µs of a start.
  const started = await engine.startSession({
    origin: client.origin,
    address: client.address,
    client: client.client,
    appId: user.appId,
    userId: user.userId,
    userCreatedAt: saved.user.createdAt,
    guest,
    credential,
    node,
    hidden,
    connectionId: connection.connectionId,
    keyHash: sha256(resumeKey),
    resumes: resume && sha256(resume.key),
    after: position,
    resumableFor: resumeWindow,
    sessionsPerUser: app.settings.limits.sessionsPerUser,
  })
  if (!started) {
    const isRevoked = await engine.isRevoked(user, credential)
    connection.end(...startRefusals[isRevoked ? 'revoked' : 'gone'])
    return undefined
  }
  const { sessionId, resumed } = started
  const ref: SessionRef = { appId: user.appId, userId: user.userId, sessionId }
  starting.engineSession = { ref, resumed }
  const detachOrEnd = released()
  if (detachOrEnd) {
    await abandonStart(context, connection, starting.engineSession, detachOrEnd)
    return undefined
  }
  const adopted = adopt === undefined ? undefined : await adoptAtStart(context, app, saved.user, adopt)
  // The messages of an adopted guest have come since the start.
  const inbox = adopt === undefined ? started.inbox : await engine.inbox(user)
  // And perhaps the inbox has another epoch.
  const lost = started.lost || (position !== undefined && position.epoch !== inbox.epoch)
  return { ref, resumed, resumeKey, saved, token, adopted, position, lost, inbox }
}

/**
 * Called if the connection closed before `started` was sent. A new session ends, because the client has no key to resume it. A resumed
 * session is detached, because the client still has the key with which it resumed. It ends only if the client has sent `end`.
 */
export const abandonStart = (
  { engine, settings }: SessionContext,
  { connectionId }: ConnectionHandle,
  { ref, resumed }: EngineSession,
  detachOrEnd: DetachOrEnd,
): Promise<unknown> => {
  const code = 'code' in detachOrEnd ? detachOrEnd.code : undefined
  if (!resumed || code === 'ended') return engine.endSession(ref, code ?? 'ended', connectionId)
  return engine.detachSession(
    ref,
    connectionId,
    'resumableFor' in detachOrEnd ? detachOrEnd.resumableFor : settings.resumeWindow,
  )
}
