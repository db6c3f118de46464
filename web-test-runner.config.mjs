import { fileURLToPath } from 'node:url'
import { esbuildPlugin } from '@web/dev-server-esbuild'
import { playwrightLauncher } from '@web/test-runner-playwright'
import { chromiumArgs, chromiumPath } from './scripts/chromium.mjs'
import { gatewayPlugin } from './test/support/gateway-plugin.mjs'

export default {
  files: 'test/**/*.browser.ts',
  nodeResolve: { exportConditions: ['production', 'browser'] },
  concurrency: 1,
  testsFinishTimeout: 150_000,
  testFramework: { config: { timeout: 10_000 } },
  browsers: [
    playwrightLauncher({
      product: 'chromium',
      launchOptions: { executablePath: await chromiumPath(), args: chromiumArgs },
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
