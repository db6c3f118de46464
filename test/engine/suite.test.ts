import { describe, it } from 'node:test'
import { createMemoryEngine } from '../../src/engine/index.js'
import { engineSuite } from '../../src/engine/suite/index.js'

// The suite adds a listener that throws. Without a callback an engine would print a warning.
const onError = (): void => undefined

void describe('the memory engine', () => {
  engineSuite({ describe, it }, { create: () => createMemoryEngine({ onError }), durable: false })
})
