import { inboxSuite } from './suite-inbox.js'
import { contextOf, type EngineUnderTest, type SuiteRunner } from './suite-kit.js'
import { lifetimeSuite } from './suite-lifetime.js'
import { listenersSuite } from './suite-listeners.js'
import { resumingSuite } from './suite-resuming.js'
import { sendingSuite } from './suite-sending.js'
import { sessionsSuite } from './suite-sessions.js'
import { usersSuite } from './suite-users.js'

export type { EngineUnderTest, SuiteRunner } from './suite-kit.js'

/**
 * What every engine must do, as tests: run it on an engine of your own to show that a gateway can rely on it.
 *
 * @example
 *     import { describe, it } from 'node:test'
 *     import { engineSuite } from 'chat-session/engine'
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
