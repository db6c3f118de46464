import type { ClientFrameOf } from '../../../protocol/index.js'
import { TaskQueue } from '../../../util/task-queue.js'
import type { RefusalParts } from '../../messages/client-sends.js'
import { checkSignal, signalOf } from '../../messages/signal-rules.js'
import type { FrameScope } from '../frame-scope.js'
import type { Contacts } from './contacts.js'

const NOT_ALLOWED: RefusalParts = [
  'refused',
  "The app's 'signals' rule does not let this user send signals to that one.",
]

/** Passes on the signals of one session, one after the other, so that they keep their order. */
export const createSignaling = ({ context, app, user, limits, refuse }: FrameScope, contacts: Contacts) => {
  const { engine, metrics } = context
  const { appId, userId } = user
  const queue = new TaskQueue()
  /** For each user to whom a signal is on its way, the promise of the latest such signal. */
  const turns = new Map<string, Promise<void>>()

  const isAllowed = async (to: string): Promise<boolean> => {
    const { signals } = app.settings
    return signals === 'peers' ? (await contacts.among([to], 'either')).has(to) : signals === 'anyone'
  }

  const pass = async (frame: ClientFrameOf<'signal'>, sends: readonly Promise<unknown>[]): Promise<void> => {
    await Promise.allSettled(sends)
    if (!(await isAllowed(frame.to))) return refuse(frame, ...NOT_ALLOWED)
    await engine.signal({ appId, userId: frame.to }, signalOf(userId, frame))
    metrics.signals.inc({ app: appId })
  }

  return {
    /**
     * Passes on a `signal` frame when `sends` have ended. These are the connection's earlier sends to the same user, which perhaps make
     * that user a contact (`Contacts`). Resolves when the engine has the signal or the frame is refused. Returns undefined if it is refused
     * at once.
     */
    signal(frame: ClientFrameOf<'signal'>, sends: readonly Promise<unknown>[]): Promise<void> | undefined {
      const problem = checkSignal(frame)
      if (problem) return refuse(frame, problem.code, problem.why)
      const wait = limits.take('signalsPerSecond')
      if (wait > 0) return refuse(frame, 'rate-limited', undefined, wait)
      const turn = queue.run(() => pass(frame, sends))
      const { to } = frame
      const done = turn
        .catch(() => undefined)
        .then(() => {
          if (turns.get(to) === done) turns.delete(to)
        })
      turns.set(to, done)
      return turn
    },
    /**
     * Resolves when the earlier signals to a user were passed on or refused. Returns undefined if there are none. A message to the user
     * waits for this, so that it does not overtake the signals.
     */
    passed: (userId: string): Promise<void> | undefined => turns.get(userId),
  }
}
