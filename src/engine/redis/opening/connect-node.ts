import type { EngineEvent, PushDevice, Signal, UserRecord, UserRef, WebhookOptions } from '../../engine.js'
import type { NodeParts } from './node-parts.js'
import type { UncertainCall } from '../step-runner.js'
import type { WireEvent, WireEventOf } from '../wire-event.js'

type Handlers = { readonly [Type in WireEvent['type']]: (event: WireEventOf<Type>) => unknown }

const userOf = ({ appId, userId }: UserRef): UserRef => ({ appId, userId })

/**
 * Connects a node's runner with the parts that hear of what a step says besides its result. Returns what handles an event from the reply to
 * a step of this node, or an event that a script has published.
 */
export const connectNode = (
  parts: NodeParts,
  emit: (event: EngineEvent) => void,
  onError: (error: unknown) => void,
): ((event: WireEvent) => void) => {
  const { runner, apps, quotas, attached, sessions, revocations, settlement, uncertain } = parts
  const { watches, pushes, webhooks, calls, states, recovery, recentCalls } = parts
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
  const receive = (event: WireEvent): void => {
    // A script of a later version may send an event that this version does not know.
    if (!Object.hasOwn(handlers, event.type)) return
    // Each handler takes the events of its type.
    const handle = handlers[event.type] as (event: WireEvent) => unknown
    void handle(event)
  }

  const onUncertain = (call: UncertainCall): void => {
    const { step } = call
    // A beat renews the node's lease. Perhaps the lost reply said that the other nodes have counted this one as dead, and the next reply
    // does not repeat that. So the node compares its sessions with those in Redis.
    if (step === runner.steps.beat) recovery.check()
    // Only a step with the key `due` or `own` has events that must arrive.
    else if (step.keys.includes('due') || step.keys.includes('own')) uncertain.note(call)
  }

  const webhooksOf = (appId: string, partition: number): WebhookOptions | null => {
    const known = apps.webhooksOf(appId)
    if (!known?.limits) return known
    const { user, app } = known.limits
    return { ...known, limits: { user, app: quotas.eventsLeft(appId, partition, app) } }
  }

  runner.connect({
    ...{ webhooksOf, onUncertain },
    onEvents: (events) => events.forEach(receive),
    onRemade: (call) => recentCalls.note(call),
    onUnsettled: (server) => void settlement.begin(server),
  })
  return receive
}
