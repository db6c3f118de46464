import type { Engine, UserRef } from '../../../engine/index.js'
import type { ClientFrameOf } from '../../../protocol/index.js'
import type { App } from '../../apps/app.js'
import type { RefusalParts } from '../../messages/client-sends.js'
import { checkSignal, signalOf } from '../../messages/signal-rules.js'
import type { Metrics } from '../../metrics/metrics.js'
import type { Contacts } from './contacts.js'
import type { Refuse } from '../messages/messaging.js'
import type { UserLimits } from '../user-limits.js'

const NOT_ALLOWED: RefusalParts = [
  'refused',
  "The app's 'signals' rule does not let this user send signals to that one.",
]

/** Passes on a `signal` frame. Resolves when the engine has the signal; undefined if the frame was refused at once. */
type Signaling = (frame: ClientFrameOf<'signal'>) => Promise<void> | undefined

/** Passes on the signals of one session, one after the other, so that they keep their order. */
export const createSignaling = (
  { engine, metrics }: { engine: Pick<Engine, 'signal'>; metrics: Metrics },
  app: App,
  { appId, userId }: UserRef,
  { limits, contacts, refuse }: { limits: UserLimits; contacts: Contacts; refuse: Refuse },
): Signaling => {
  let last = Promise.resolve()

  const isAllowed = async (to: string): Promise<boolean> => {
    const { signals } = app.settings
    return signals === 'peers' ? (await contacts.among([to], 'either')).has(to) : signals === 'anyone'
  }

  const pass = async (frame: ClientFrameOf<'signal'>): Promise<void> => {
    if (!(await isAllowed(frame.to))) return refuse(frame, ...NOT_ALLOWED)
    await engine.signal({ appId, userId: frame.to }, signalOf(userId, frame))
    metrics.signals.inc({ app: appId })
  }

  return (frame) => {
    const problem = checkSignal(frame)
    if (problem) {
      refuse(frame, problem.code, problem.why)
      return undefined
    }
    const wait = limits.takeSignal()
    if (wait > 0) {
      refuse(frame, 'rate-limited', undefined, wait)
      return undefined
    }
    const turn = last.then(() => pass(frame))
    last = turn.catch(() => undefined)
    return turn
  }
}
