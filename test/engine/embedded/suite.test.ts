// This suite has a file of its own, because it takes the longest.
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createEmbeddedEngine } from '../../../src/engine/index.js'
import { engineSuite } from '../../../src/engine/suite/index.js'
import { scratchFolder } from '../../support/scratch-folder.js'

void describe('the embedded engine', () => {
  engineSuite(
    { describe, it },
    {
      // The suite adds a listener that throws. Without a callback the engine would print a warning.
      create: () => createEmbeddedEngine({ path: join(scratchFolder(), 'data'), onError: () => undefined }),
      durable: true,
    },
  )
})
