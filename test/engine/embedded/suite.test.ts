// Two files run the suite at once, because it takes the longest.
import { join } from 'node:path'
import { describe } from 'node:test'
import { createEmbeddedEngine } from '../../../src/engine/index.js'
import { engineSuite } from '../../../src/engine/suite/index.js'
import { halfRunner } from '../../support/engine/engine-suite-half.js'
import { scratchFolder } from '../../support/scratch-folder.js'

void describe('the embedded engine: one half of the suite', () => {
  engineSuite(halfRunner(0), {
    // The suite adds a listener that throws. Without a callback the engine would print a warning.
    create: () => createEmbeddedEngine({ path: join(scratchFolder(), 'data'), onError: () => undefined }),
    durable: true,
  })
})
