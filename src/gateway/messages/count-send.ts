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
const limits: Partial<Record<SendResult['outcome'], string>> = {
  full: 'storage',
  'over-share': 'storagePerSender',
  refused: 'unreadPerSender',
  limited: 'messagesPerSecond',
}

/** Counts a message that the engine has stored or refused. */
export const countSend = (
  { messages, commitSeconds, limitsReached }: Metrics,
  { appId, from, outcome, at }: Send,
): void => {
  messages.inc({ app: appId, from, outcome })
  if (outcome === 'stored') commitSeconds.observe((performance.now() - at) / 1_000)
  const limit = limits[outcome]
  if (limit !== undefined) limitsReached.inc({ app: appId, limit })
}
