// Gateways in processes of their own, on Node and on Bun. Their clients run on Node.
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { AppConfig, GatewayConfig } from '../../../src/gateway/index.js'
import { run, type Running } from '../../support/processes/command-line.js'
import { testApp } from '../../support/gateway/test-gateway.js'
import { runtimes, type Runtime } from '../../support/processes/runtimes.js'
import { scratchFolder } from '../../support/scratch-folder.js'

/** Declares a test for each runtime. */
export const testOnBoth = (what: string, body: (runtime: Runtime) => Promise<void>): void => {
  for (const runtime of runtimes) test(`${runtime.name}: ${what}`, () => body(runtime))
}

const folder = scratchFolder()
let count = 0

/** Writes a config for a gateway with a memory engine and one test app. */
export const writeConfig = async (
  config: Partial<GatewayConfig> = {},
  app: Partial<AppConfig> = {},
): Promise<string> => {
  const file = join(folder, `${++count}.json`)
  const base = { listen: { port: 0 }, engine: { type: 'memory' }, apps: { app: testApp(app) } }
  await writeFile(file, JSON.stringify({ ...base, ...config }))
  return file
}

/** Runs `chat-session serve` with a config file. */
export const serveFile = ({ path }: Runtime, file: string): Running =>
  run(['serve', '--config', file], {}, tmpdir(), path)

/** Runs a gateway. It is killed after the test, or after all tests of the file if it is run outside of them. */
export const serve = async (
  runtime: Runtime,
  config: Partial<GatewayConfig> = {},
  app: Partial<AppConfig> = {},
): Promise<Running & { address: string }> => {
  const running = serveFile(runtime, await writeConfig(config, app))
  // A getter starts its timeout when it is read, so it is not copied.
  return Object.defineProperties(
    { address: await running.url() },
    Object.getOwnPropertyDescriptors(running),
  ) as Running & { address: string }
}

/** Runs a gateway with this config on each runtime, for all tests of a file: call it outside of them. Returns their addresses. */
export const serveOnBoth = async (
  config: Partial<GatewayConfig> = {},
  app: Partial<AppConfig> = {},
): Promise<(runtime: Runtime) => string> => {
  const addresses = new Map(
    await Promise.all(
      runtimes.map(async (runtime) => [runtime, (await serve(runtime, config, app)).address] as const),
    ),
  )
  return (runtime) => addresses.get(runtime) ?? ''
}
