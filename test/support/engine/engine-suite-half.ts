import { describe, it } from 'node:test'
import type { SuiteRunner } from '../../../src/engine/suite/index.js'

/** A runner of every other part of the engines' suite, for two files that run it at once: on a cluster it takes minutes. */
export const halfRunner = (half: 0 | 1): SuiteRunner => {
  let parts = 0
  let isInside = false
  return {
    it,
    describe(name, body) {
      if (isInside) return describe(name, body)
      if (parts++ % 2 !== half) return
      return describe(name, () => {
        isInside = true
        body()
        isInside = false
      })
    },
  }
}
