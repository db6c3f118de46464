import { randomUUID } from 'node:crypto'
import type {
  DeliveryOutcome,
  EngineEvent,
  PendingEvent,
  PendingEventPage,
  EventLimits,
  UserRef,
  WebhookEvent,
  WebhookEventType,
  WebhookOptions,
} from '../../../src/engine/index.js'
import type { JsonObject } from '../../../src/protocol/index.js'

/** A pending event. `due` is by the monotonic clock. */
interface SimpleEvent extends PendingEvent {
  due: number
}

const publicOf = ({ event, attempts, due, lastError, state }: SimpleEvent): PendingEvent =>
  structuredClone({ event, attempts, dueAt: Date.now() + due - performance.now(), lastError, state })

const isAbove = (pending: SimpleEvent[], { events, bytes }: EventLimits): boolean =>
  pending.length > events ||
  pending.reduce((sum, { event }) => sum + 300 + JSON.stringify(event.data).length, 0) > bytes

/** The webhook events of the simple engine, in an array. */
export const createSimpleWebhooks = (
  presenceOf: (of: UserRef) => { online: boolean; sessions: number },
  emit: (event: EngineEvent) => void,
) => {
  const options = new Map<string, WebhookOptions | null>()
  let events: SimpleEvent[] = []
  let lastSeq = 0

  const ofApp = (appId: string, state?: PendingEvent['state']): SimpleEvent[] =>
    events
      .filter((one) => one.event.appId === appId && (state === undefined || one.state === state))
      .sort((a, b) => a.event.seq - b.event.seq)

  const ofUser = ({ appId, userId }: UserRef): SimpleEvent[] =>
    ofApp(appId, 'pending').filter(({ event }) => event.userId === userId)

  const append = (of: UserRef, type: WebhookEvent['type'], data: JsonObject): SimpleEvent => {
    const event = {
      id: randomUUID(),
      type,
      seq: ++lastSeq,
      at: Date.now(),
      ...of,
      data: structuredClone(data),
    }
    const row = { attempts: 0, dueAt: Date.now(), lastError: null, state: 'pending' as const }
    const added = { event, ...row, due: performance.now() }
    events.push(added)
    return added
  }

  /** Removes the user's newest event about presence if the new one undoes it. The oldest event may be on its way. */
  const cancel = (of: UserRef, type: WebhookEventType, online: boolean): boolean => {
    const [oldest, ...waiting] = ofUser(of)
    if (!oldest || waiting.length + 1 < 8 || !/online|offline/.test(type)) return false
    const known = waiting.findLast(({ event }) => /online|offline/.test(event.type))
    const left = [oldest, ...waiting].findLast((one) => one !== known)
    if (!known || known.event.type === type || left?.event.data['online'] !== online) return false
    events = events.filter((one) => one !== known)
    return true
  }

  /** Removes an event that was added beyond a limit, and counts it in the newest event of a queue, an `events.dropped`. */
  const drop = (added: SimpleEvent, of: UserRef, presence: JsonObject): void => {
    const type = added.event.type as WebhookEventType
    events = events.filter((one) => one !== added)
    const [oldest, ...waiting] = ofUser(of)
    const newest = waiting.at(-1)
    if (oldest && newest?.event.type === 'events.dropped' && newest.due <= performance.now()) {
      const dropped = newest.event.data['dropped'] as Record<string, number>
      newest.event.data = { dropped: { ...dropped, [type]: (dropped[type] ?? 0) + 1 }, ...presence }
    } else append(of, 'events.dropped', { dropped: { [type]: 1 }, ...presence })
    emit({ type: 'webhook-dropped', appId: of.appId, eventType: type })
  }

  return {
    clear() {
      options.clear()
      events = []
    },
    configure(appId: string, webhooks: WebhookOptions | null) {
      options.set(appId, structuredClone(webhooks))
    },
    unreadAfter(appId: string): number {
      const { events = [], unreadAfter = Infinity } = options.get(appId) ?? {}
      return events.includes('message.unread') ? unreadAfter : Infinity
    },
    addEvent({ appId, userId }: UserRef, type: WebhookEventType, data: JsonObject) {
      const limits = options.get(appId)?.limits
      if (!options.get(appId)?.events.includes(type)) return
      const presence = presenceOf({ appId, userId })
      if (cancel({ appId, userId }, type, presence.online)) return
      const added = append({ appId, userId }, type, { ...data, ...presence })
      if (limits && isAbove(ofUser({ appId, userId }), limits.user)) drop(added, { appId, userId }, presence)
      else if (limits && isAbove(ofApp(appId, 'pending'), limits.app)) drop(added, { appId, userId: '' }, {})
      setImmediate(() => emit({ type: 'webhooks-due', appId }))
    },
    /** Emits `webhooks-due` for each app with an event that is due. */
    announce() {
      const due = events.filter((one) => one.state === 'pending' && one.due <= performance.now())
      for (const appId of new Set(due.map(({ event }) => event.appId))) emit({ type: 'webhooks-due', appId })
    },
    take(appId: string, limit: number, leaseFor: number): PendingEvent[] {
      const users = new Set<string>()
      const oldest = ofApp(appId, 'pending').filter(
        ({ event: { userId } }) => !users.has(userId) && users.add(userId),
      )
      const due = oldest.filter((one) => one.due <= performance.now()).slice(0, limit)
      for (const one of due) one.due = performance.now() + leaseFor
      return due.map(publicOf)
    },
    settle(appId: string, userId: string, eventId: string, outcome: DeliveryOutcome) {
      const first = ofApp(appId, 'pending').find(({ event }) => event.userId === userId)
      if (first?.event.id !== eventId) return
      if ('delivered' in outcome) {
        events = events.filter((one) => one !== first)
        return
      }
      first.attempts++
      first.lastError = 'failed' in outcome ? outcome.failed : outcome.error
      if ('failed' in outcome) first.state = 'failed'
      else first.due = performance.now() + outcome.retryAfter
    },
    list(appId: string, after: string | null, limit: number): PendingEventPage {
      const rest = ofApp(appId).filter(({ event }) => event.seq > Number(after))
      const page = rest.slice(0, limit).map(publicOf)
      return { events: page, next: rest.length > limit ? String(page.at(-1)?.event.seq) : null }
    },
    replay(appId: string, userId: string, eventId: string): boolean {
      const found = ofApp(appId, 'failed').find(
        ({ event }) => event.id === eventId && event.userId === userId,
      )
      if (!found) return false
      Object.assign(found, { state: 'pending', attempts: 0, lastError: null, due: performance.now() })
      return true
    },
    summary(appId: string): { pending: number; oldestAt: number | null } {
      const times = ofApp(appId, 'pending').map(({ event }) => event.at)
      return { pending: times.length, oldestAt: times.length > 0 ? Math.min(...times) : null }
    },
  }
}
