// The tests of web-test-runner.config.mjs in the system's Firefox and WebKit.
import { tsImport } from 'tsx/esm/api'
import config from './web-test-runner.config.mjs'

const { launchFirefox } = await tsImport('./test/support/browsers/firefox.ts', import.meta.url)
const { launchWebKit } = await tsImport('./test/support/browsers/webkit.ts', import.meta.url)

/** Runs the test files one after another in the tab that `launch` returns. */
const launcher = (name, launch) => {
  let tab
  let active
  return {
    name,
    type: name.toLowerCase(),
    concurrency: 1,
    startSession: async (id, url) => {
      active = id
      tab ??= await launch()
      await tab.goto(url)
    },
    isActive: (id) => id === active,
    getBrowserUrl: () => tab.url(),
    stopSession: async () => {
      active = undefined
      // The page would run on until the next file is loaded.
      await tab.goto('about:blank')
      return {}
    },
    startDebugSession: () => {
      throw new Error(`${name} runs without a window, so it has no debugger.`)
    },
    stop: () => tab?.close(),
  }
}

export default {
  ...config,
  // Long limits: a slow machine must not fail a test.
  browserStartTimeout: 120_000,
  testsStartTimeout: 120_000,
  testsFinishTimeout: 600_000,
  testFramework: { config: { timeout: 60_000 } },
  browsers: [launcher('Firefox', launchFirefox), launcher('WebKit', launchWebKit)],
}
