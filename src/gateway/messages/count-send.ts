import type { SendResult } from '../../engine/index.js'
import type { Metrics } from '../metrics/metrics.js'

/** The names of the app's limits that refuse messages, by outcome. */
const limits: Partial<Record<SendResult['outcome'], string>> = {
  full: 'storage',
  'over-share': 'storagePerSender',
  refused: 'unreadPerSender',
  limited: 'messagesPerSecond',
}

/** Counts a message that the engine has stored or refused. `at` is when the engine got the message, on the monotonic clock. */
export const countSend = (
  metrics: Metrics,
  appId: string,
  from: 'client' | 'backend',
  outcome: SendResult['outcome'],
  at: number,
): void => {
  const { messages, commitSeconds, limitsReached } = metrics
  messages.inc({ app: appId, from, outcome })
  if (outcome === 'stored') commitSeconds.observe((performance.now() - at) / 1_000)
  const limit = limits[outcome]
  if (limit !== undefined) limitsReached.inc({ app: appId, limit })
}
