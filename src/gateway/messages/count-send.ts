import type { SendResult } from '../../engine/index.js'
import type { Metrics } from '../metrics/metrics.js'

interface Send {
  appId: string
  from: 'client' | 'backend'
  outcome: SendResult['outcome']
  /** When the engine was given the message, on the monotonic clock. */
  at: number
}

/** The limits of an app that the engine compares a message with. */
const limits = { full: 'storage', refused: 'unreadPerSender', limited: 'messagesPerSecond' } as const

/** Counts a message that the engine has stored or refused. */
export const countSend = (
  { messages, commitSeconds, limitsReached }: Metrics,
  { appId, from, outcome, at }: Send,
): void => {
  messages.inc({ app: appId, from, outcome })
  if (outcome === 'stored') commitSeconds.observe((performance.now() - at) / 1_000)
  else if (outcome === 'full' || outcome === 'refused' || outcome === 'limited')
    limitsReached.inc({ app: appId, limit: limits[outcome] })
}
