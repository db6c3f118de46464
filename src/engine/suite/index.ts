import { admittingSuite } from './sessions/admitting.js'
import { adoptingSuite } from './users/adopting.js'
import { clocksSuite } from './clocks.js'
import { clusterSuite } from './cluster.js'
import { deletingSuite } from './deleting.js'
import { guestsSuite } from './users/guests.js'
import { inboxSuite } from './messages/inbox.js'
import { contextOf, type EngineUnderTest, type SuiteRunner } from './kit.js'
import { lifetimeSuite } from './lifetime.js'
import { limitsSuite } from './messages/limits.js'
import { listsSuite } from './lists.js'
import { pagesSuite } from './messages/pages.js'
import { randomCallsSuite } from './model/random-calls.js'
import { nodesSuite } from './nodes.js'
import { peerMarksSuite } from './peers/peer-marks.js'
import { peersSuite } from './peers/peers.js'
import { presenceSuite } from './sessions/presence.js'
import { revocationSuite } from './sessions/revocation.js'
import { listenersSuite } from './listeners.js'
import { pushingSuite } from './pushing.js'
import { resumingSuite } from './sessions/resuming.js'
import { sendingSuite } from './messages/sending.js'
import { senderShareSuite } from './messages/sender-share.js'
import { sessionsSuite } from './sessions/sessions.js'
import { signalsSuite } from './messages/signals.js'
import { usersSuite } from './users/users.js'
import { watchingSuite } from './sessions/watching.js'
import { webhookBoundsSuite } from './webhooks/webhook-bounds.js'
import { webhookDeliveriesSuite } from './webhooks/webhook-deliveries.js'
import { webhookEventsSuite } from './webhooks/webhook-events.js'
import { webhookUnreadSuite } from './webhooks/webhook-unread.js'

export type { EngineUnderTest, SuiteRunner } from './kit.js'

/**
 * Tests of the `Engine` interface. Run them on an engine of your own. If no test fails, use the engine with `createGateway`. The tests need
 * a runner with `describe` and `it` (`node:test`, Mocha, Vitest or Jest). Each test makes, opens and closes an engine. The whole suite
 * takes a few seconds.
 *
 * @example
 *     import { describe, it } from 'node:test'
 *     import { engineSuite } from 'chat-session/engine/suite'
 *
 *     describe('my engine', () => {
 *       engineSuite({ describe, it }, { create: () => createMyEngine(), durable: true })
 *     })
 */
export const engineSuite = (runner: SuiteRunner, subject: EngineUnderTest): void => {
  const context = contextOf(runner, subject)
  lifetimeSuite(context)
  usersSuite(context)
  admittingSuite(context)
  guestsSuite(context)
  adoptingSuite(context)
  sessionsSuite(context)
  listenersSuite(context)
  resumingSuite(context)
  sendingSuite(context)
  limitsSuite(context)
  senderShareSuite(context)
  inboxSuite(context)
  pagesSuite(context)
  peersSuite(context)
  peerMarksSuite(context)
  clocksSuite(context)
  revocationSuite(context)
  presenceSuite(context)
  listsSuite(context)
  deletingSuite(context)
  webhookEventsSuite(context)
  webhookUnreadSuite(context)
  webhookDeliveriesSuite(context)
  webhookBoundsSuite(context)
  pushingSuite(context)
  clusterSuite(context)
  nodesSuite(context)
  signalsSuite(context)
  watchingSuite(context)
  randomCallsSuite(context)
}
