import type { ClientFrameOf } from '../../protocol/index.js'
import type { SessionError } from '../errors.js'
import { deadlineTimer, now } from '../util/clock.js'
import { infoOf } from '../machine/selectors.js'
import type { PushSubscriber } from '../messages.js'
import type { CallsHost } from './host.js'
import type { Requests } from './requests.js'
import { toJson } from '../util/to-json.js'

/** Milliseconds after which a subscription is taken back again, if the gateway has refused that for now and has named no time. */
const RETRY = 5_000

interface Push {
  /** See `ChatSession.push`. */
  set(subscriber: PushSubscriber | null): Promise<void>
  /** Called for each new connection. */
  renew(): Promise<void>
  refused(error: SessionError): void
}

/** Tells the gateway where it can push to the user on this device. */
export const createPush = ({ session, runner }: CallsHost, { sendNow }: Requests): Push => {
  let subscriber: PushSubscriber | null = null
  /** The endpoint of the subscription that this page sent last; undefined if the subscription was taken back or refused. */
  let endpoint: string | undefined
  /** The endpoint that was taken back last. The gateway answers only if it refuses that. */
  let takenBack: string | undefined

  const takeBack = (): void => {
    if (!endpoint || !sendNow({ type: 'push', subscription: null, endpoint })) return
    takenBack = endpoint
    endpoint = undefined
  }
  const retry = deadlineTimer(() => {
    if (!subscriber) takeBack()
  })

  const renew = async (): Promise<void> => {
    const info = infoOf(runner.state())
    const asked = subscriber
    // Perhaps the page took the subscription back while there was no connection. Then the gateway is told now.
    if (!asked) takeBack()
    // Only `started` says whether the app pushes. `renew` is called again when `started` arrives.
    if (!asked || !info) return
    const found = await asked.subscribe(info.can?.includes('push') ? info.pushKey : undefined)
    // The page may have called `push` again meanwhile.
    if (!found || asked !== subscriber) return
    const subscription = JSON.parse(toJson(found)) as ClientFrameOf<'push'>['subscription']
    if (!sendNow({ type: 'push', subscription })) return
    endpoint = found.endpoint
    takenBack = undefined
  }

  session.addEventListener('logout', () => {
    subscriber = null
    takeBack()
  })

  return {
    async set(next) {
      subscriber = next
      await renew()
    },
    renew,
    refused(error) {
      // Without a subscriber this refuses the taking back: the gateway still has the subscription, which is taken back again later.
      const isKept = !subscriber && error.retryable
      endpoint = isKept ? takenBack : undefined
      if (endpoint) retry(now() + (error.retryAfter ?? RETRY))
      subscriber?.refused?.(error)
    },
  }
}
