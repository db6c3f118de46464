import type { Call, Maybe } from './values.js'

/** A pending or failed event, and the outcome of its deliveries so far. `dueIn` is empty if it is not the user's oldest pending event. */
export type ListedEvent = [
  state: 'pending' | 'failed',
  event: string | null,
  outcome: string,
  dueIn: number | '',
]

/** The steps of webhook events. A result `next` has the milliseconds until the app's next event in this partition is due; -1 for none. */
export interface WebhookCalls {
  /** The events are leased for `lease` milliseconds. Each comes with the outcome of its deliveries so far. */
  takeEvents: Call<
    [limit: number, lease: number],
    [next: number, ...events: [event: string | null, outcome: string][]]
  >
  /**
   * `seq` is the event's number. For `retry`, the next delivery is in `retryIn` milliseconds. `reason` says why the delivery failed. A
   * partition keeps `maxFailed` failed events.
   */
  endDelivery: Call<
    [
      seq: string,
      id: string,
      result: 'delivered' | 'retry' | 'failed',
      retryIn: Maybe<number>,
      reason: string,
      maxFailed: number,
      callId: string,
    ],
    [next: number]
  >
  /** `isReplayed` says whether the user had this failed event. */
  replayEvent: Call<[seq: string, id: string], [next: number, isReplayed: 0 | 1]>
  /** `after` is the number after which the list goes on. */
  listEvents: Call<[after: string, limit: number], ListedEvent[]>
  /** `oldestAt` is when the oldest pending event happened. */
  eventsSummary: Call<[], [pending: number, oldestAt: number | null]>
  /**
   * With `endsLeases` the oldest pending event of each user becomes due now, because no node delivers it. The sweep looks for the app's
   * events in `lookIn` milliseconds if the calling node does not deliver them. It is missing if the node does, and `never` if no node does.
   */
  eventsDue: Call<[endsLeases: boolean, lookIn: Maybe<number | 'never'>], [next: number]>
  /** The app has asked for `message.unread` for `askedFor` milliseconds, with this option `unreadAfter`. */
  beginUnread: Call<[askedFor: number, unreadAfter: number], []>
  unreadBegun: Call<[field: string, value: '1'], [number]>
}
