import { admittingSuite } from './admitting.js'
import { adoptingSuite } from './adopting.js'
import { clocksSuite } from './clocks.js'
import { clusterSuite } from './cluster.js'
import { deletingSuite } from './deleting.js'
import { guestsSuite } from './guests.js'
import { inboxSuite } from './inbox.js'
import { contextOf, type EngineUnderTest, type SuiteRunner } from './kit.js'
import { lifetimeSuite } from './lifetime.js'
import { limitsSuite } from './limits.js'
import { listsSuite } from './lists.js'
import { nodesSuite } from './nodes.js'
import { peerMarksSuite } from './peer-marks.js'
import { peersModelSuite } from './peers-model.js'
import { peersSuite } from './peers.js'
import { presenceSuite } from './presence.js'
import { revocationSuite } from './revocation.js'
import { listenersSuite } from './listeners.js'
import { pushingSuite } from './pushing.js'
import { resumingSuite } from './resuming.js'
import { sendingSuite } from './sending.js'
import { senderShareSuite } from './sender-share.js'
import { sessionsSuite } from './sessions.js'
import { signalsSuite } from './signals.js'
import { usersSuite } from './users.js'
import { watchingSuite } from './watching.js'
import { webhookBoundsSuite } from './webhook-bounds.js'
import { webhookDeliveriesSuite } from './webhook-deliveries.js'
import { webhookEventsSuite } from './webhook-events.js'
import { webhookUnreadSuite } from './webhook-unread.js'

export type { EngineUnderTest, SuiteRunner } from './kit.js'

/**
 * Tests of the `Engine` interface. Run them on an engine of your own: if they pass, pass the engine to `createGateway`.
 * They need a runner with `describe` and `it` (`node:test`, Mocha, Vitest or Jest). Each test makes, opens and closes an
 * engine. The whole suite takes a few seconds.
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
  peersSuite(context)
  peerMarksSuite(context)
  peersModelSuite(context)
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
}
