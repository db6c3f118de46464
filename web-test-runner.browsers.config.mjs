// The tests of web-test-runner.config.mjs in the system's Firefox and WebKit.
import { launchFirefox } from './scripts/firefox.mjs'
import { launchWebKit } from './scripts/webkit.mjs'
import config from './web-test-runner.config.mjs'

/** Runs one file of tests after the other in the one tab that `launch` opens. */
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
      // Nothing of the page goes on.
      await tab.goto('about:blank')
      return {}
    },
    startDebugSession: () => {
      throw new Error(`${name} runs without a window to debug in.`)
    },
    stop: () => tab?.close(),
  }
}

export default {
  ...config,
  // Nothing but patience is at stake, and a machine may be slow.
  browserStartTimeout: 120_000,
  testsStartTimeout: 120_000,
  testsFinishTimeout: 600_000,
  testFramework: { config: { timeout: 60_000 } },
  browsers: [launcher('Firefox', launchFirefox), launcher('WebKit', launchWebKit)],
}
