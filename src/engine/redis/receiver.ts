import type { EngineEvent, PushDevice, Signal, UserRecord, UserRef } from '../engine.js'
import type { Apps } from './apps.js'
import type { AttachedUsers } from './messages/attached-users.js'
import type { NodeCalls } from './nodes/node-calls.js'
import type { SharedPushes } from './push/shared-pushes.js'
import type { Quotas } from './quotas.js'
import type { Recovery } from './recovery/recovery.js'
import type { UserStates } from './recovery/user-states.js'
import type { SharedRevocations } from './sessions/shared-revocations.js'
import type { SharedSessions } from './sessions/shared-sessions.js'
import type { Watches } from './sessions/watches.js'
import type { StepRunner } from './step-runner.js'
import type { Webhooks } from './webhooks/webhooks.js'
import type { WireEvent, WireEventOf } from './wire-event.js'

/** The parts of a node that hear of events. */
export interface Hearing {
  readonly runner: StepRunner
  readonly apps: Apps
  readonly quotas: Quotas
  readonly attached: AttachedUsers
  readonly sessions: SharedSessions
  readonly revocations: SharedRevocations
  readonly watches: Watches
  readonly pushes: SharedPushes
  readonly webhooks: Webhooks
  readonly calls: NodeCalls
  readonly states: UserStates
  readonly recovery: Recovery
}

type Handlers = { readonly [Type in WireEvent['type']]: (event: WireEventOf<Type>) => unknown }

const userOf = ({ appId, userId }: UserRef): UserRef => ({ appId, userId })

/** Returns what handles an event from the reply to a step of this node, or an event that a script has published. */
export const receiverOf = (
  parts: Hearing,
  emit: (event: EngineEvent) => void,
  onError: (error: unknown) => void,
): ((event: WireEvent) => void) => {
  const { runner, apps, quotas, attached, sessions, revocations } = parts
  const { watches, pushes, webhooks, calls, states, recovery } = parts
  const handlers: Handlers = {
    history: ({ partition }) => recovery.begin(partition),
    asked: (event) => calls.onAsked(event),
    answered: (event) => calls.onAnswered(event),
    'session-ended': (event) => {
      attached.remove(event.session)
      sessions.recent.end(event.session, event.code)
      emit(event)
    },
    'connection-replaced': (event) => {
      attached.remove(event.session, event.connectionId)
      sessions.recent.replace(event.session, event.connectionId)
      emit(event)
    },
    reauth: emit,
    'user-changed': (event) => {
      states.hear(event)
      emit({ type: event.type, user: JSON.parse(event.user) as UserRecord })
    },
    message: (event) => attached.receive(event, event.epoch, event.offset, event.json),
    read: (event) => {
      states.hear(event)
      const { epoch, offset, readOffset, unread, peer } = event
      const inbox = runner.epochs.inboxOf(event, [epoch, offset, readOffset, unread])
      const read = { type: event.type, user: userOf(event), inbox }
      emit(peer ? { ...read, peer: { ...peer, id: peer.id || null } } : read)
    },
    signal: (event) =>
      emit({ type: event.type, user: userOf(event), signal: JSON.parse(event.signal) as Signal }),
    presence: (event) => watches.onEvent(event, event.online, event.lastSeenAt ?? null, event.at),
    'push-due': (event) =>
      // If `cancel` fails, the next sweep tries again.
      apps.isRemoved(event.user.appId) ? pushes.cancel(event.user).catch(onError) : emit(event),
    // If this fails, the Redis keys that name the devices' owners stay until they expire. That does no harm.
    'devices-ended': (event) =>
      pushes.letGo(userOf(event), JSON.parse(event.devices) as PushDevice[]).catch(onError),
    'webhooks-due': ({ appId, partition }) => webhooks.announce(appId, partition),
    // If this fails, the note that a session uses the token stays until the token's Redis hash expires. That does no harm.
    'token-released': (event) => revocations.releaseToken(event, event.credential, event.use).catch(onError),
    'webhook-dropped': (event) => {
      quotas.refresh(event.appId)
      emit(event)
    },
    counts: (event) => quotas.update(event, event.changed),
  }
  return (event) => {
    // A script of a later version may send an event that this version does not know.
    if (!Object.hasOwn(handlers, event.type)) return
    // Each handler takes the events of its type.
    const handle = handlers[event.type] as (event: WireEvent) => unknown
    void handle(event)
  }
}
