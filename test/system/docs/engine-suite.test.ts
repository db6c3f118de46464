// An engine that shares no code with the package passes the suite, as docs/ENGINES.md says: it tests what an engine promises, and not how.
import { describe, it } from 'node:test'
import { engineSuite } from '../../../src/engine/suite/index.js'
import { createSimpleEngine } from '../../support/simple-engine/simple-engine.js'

// The suite adds a listener that throws. Without a callback an engine would print a warning.
const onError = (): void => undefined

void describe('an engine that shares no code with the others', () => {
  engineSuite({ describe, it }, { create: () => createSimpleEngine(onError), durable: false })
})
