import { fileURLToPath } from 'node:url'
import { esbuildPlugin } from '@web/dev-server-esbuild'
import { playwrightLauncher } from '@web/test-runner-playwright'
import { chromiumArgs, chromiumPath } from './scripts/chromium.mjs'
import { gatewayPlugin } from './test/support/gateway-plugin.mjs'

export default {
  // Those that wait longest are the first, so that nobody waits for them in the end.
  files: ['test/session/*.browser.ts', 'test/element/*.browser.ts'],
  nodeResolve: { exportConditions: ['production', 'browser'] },
  // Each file has a context of its own: what one tab tells another stays in it.
  concurrency: 2,
  // Nothing but patience: what fails here says so long before.
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
    esbuildPlugin({
      ts: true,
      target: 'es2022',
      tsconfig: fileURLToPath(new URL('tsconfig.json', import.meta.url)),
    }),
    gatewayPlugin(),
  ],
}
