import { inboxSuite } from './inbox.js'
import { contextOf, type EngineUnderTest, type SuiteRunner } from './kit.js'
import { lifetimeSuite } from './lifetime.js'
import { listenersSuite } from './listeners.js'
import { resumingSuite } from './resuming.js'
import { sendingSuite } from './sending.js'
import { sessionsSuite } from './sessions.js'
import { usersSuite } from './users.js'

export type { EngineUnderTest, SuiteRunner } from './kit.js'

/**
 * What every engine must do, as tests: run it on an engine of your own to show that a gateway can rely on it.
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
  sessionsSuite(context)
  listenersSuite(context)
  resumingSuite(context)
  sendingSuite(context)
  inboxSuite(context)
}
