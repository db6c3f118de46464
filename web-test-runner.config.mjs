import { fileURLToPath } from 'node:url'
import { esbuildPlugin } from '@web/dev-server-esbuild'
import { playwrightLauncher } from '@web/test-runner-playwright'
import { chromiumArgs, chromiumPath } from './scripts/chromium.mjs'
import { bundlePlugin } from './test/support/browsers/bundle-plugin.mjs'
import { gatewayPlugin } from './test/support/gateway/gateway-plugin.mjs'

export default {
  // The session's files take longest, so they start first.
  files: ['test/session/**/*.browser.ts', 'test/element/**/*.browser.ts', 'test/window/**/*.browser.ts'],
  nodeResolve: { exportConditions: ['production', 'browser'] },
  // More files than cores: most tests wait. Each file has its own browser context, so that tabs of different files don't share storage or
  // channels.
  concurrency: 4,
  // Long limits: a slow machine must not fail a test.
  browserStartTimeout: 120_000,
  testsFinishTimeout: 300_000,
  testFramework: { config: { timeout: 60_000 } },
  browsers: [
    playwrightLauncher({
      product: 'chromium',
      launchOptions: { executablePath: await chromiumPath(), args: chromiumArgs, timeout: 120_000 },
    }),
  ],
  plugins: [
    bundlePlugin(),
    esbuildPlugin({
      ts: true,
      target: 'es2022',
      tsconfig: fileURLToPath(new URL('tsconfig.json', import.meta.url)),
    }),
    gatewayPlugin(),
  ],
}
