import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GatewayConfig } from '../../../src/gateway/index.js'
import { scratchFolder } from '../scratch-folder.js'
import { appId, secret } from '../tokens.js'

/** Writes the config of a gateway on a free port, with a memory engine and one test app, and with these changes. Returns its path. */
export const writeConfig = (changes: Partial<GatewayConfig> = {}): string => {
  const file = join(scratchFolder(), 'config.json')
  const config: GatewayConfig = {
    listen: { port: 0 },
    engine: { type: 'memory' },
    apps: { [appId]: { environment: 'test', secrets: [secret] } },
    ...changes,
  }
  writeFileSync(file, JSON.stringify(config))
  return file
}
