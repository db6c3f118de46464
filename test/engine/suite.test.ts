import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createEmbeddedEngine, createMemoryEngine } from '../../src/engine/index.js'
import { engineSuite } from '../../src/engine/suite/index.js'
import { scratch } from './folders.js'

// The suite makes a listener throw; the warning about it would only clutter the output.
const onError = (): void => undefined
const newFolder = scratch()

void describe('the memory engine', () => {
  engineSuite({ describe, it }, { create: () => createMemoryEngine({ onError }), durable: false })
})

void describe('the embedded engine', () => {
  engineSuite(
    { describe, it },
    {
      create: async () => createEmbeddedEngine({ path: join(await newFolder(), 'data'), onError }),
      durable: true,
    },
  )
})
