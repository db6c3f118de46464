import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createEmbeddedEngine, createMemoryEngine } from '../../src/engine/index.js'
import { engineSuite } from '../../src/engine/suite/index.js'
import { createSimpleEngine } from '../support/simple-engine.js'
import { scratchFolder } from '../support/scratch-folder.js'

// The suite adds a listener that throws. Without a callback the engine would print a warning.
const onError = (): void => undefined

void describe('the memory engine', () => {
  engineSuite({ describe, it }, { create: () => createMemoryEngine({ onError }), durable: false })
})

void describe('the embedded engine', () => {
  engineSuite(
    { describe, it },
    {
      create: () => createEmbeddedEngine({ path: join(scratchFolder(), 'data'), onError }),
      durable: true,
    },
  )
})

void describe('an engine that shares no code with the others', () => {
  engineSuite({ describe, it }, { create: () => createSimpleEngine(onError), durable: false })
})
