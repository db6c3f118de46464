// Helpers of the attacks: the number of runs, a gateway in a process with a small heap, and the secrets of two apps.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { GatewayConfig } from '../../../src/gateway/index.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { run } from '../../support/processes/command-line.js'
import { startClient } from '../../support/raw-client.js'
import { startOf } from '../../support/starts.js'
import { appId, secret } from '../../support/tokens.js'

/** The only error that a client can cause in the log: a forwarded header to a gateway that trusts no proxy. */
const EXPECTED_ERROR = 'but listen.trustProxy is 0'

/** `ATTACK_RUNS=50` makes every property run 50 times as often. */
const FACTOR = Number(process.env['ATTACK_RUNS'] ?? 1)
export const runs = (count: number): number => count * FACTOR

/** The secret of an app's tokens, where two apps share a gateway. */
export const secretOf = (appId: string): string => `the token secret of app ${appId}`

/** The heap in MB. An idle gateway needs less than half as much. */
const HEAP = 64

interface AttackedGateway {
  url: string
  /**
   * Asserts that the process runs, that a session from before the attack sends and receives, and that the gateway has logged
   * no error of its own.
   */
  assertUnharmed(): Promise<void>
}

/**
 * Runs the built gateway as `serve` does, in a process with a heap of 64 MB. `apps` are apps besides the one of the session that
 * `assertUnharmed` uses.
 */
export const attackedGateway = async (apps: GatewayConfig['apps'] = {}): Promise<AttackedGateway> => {
  const file = join(scratchFolder(), 'config.json')
  const config = {
    listen: { port: 0 },
    engine: { type: 'memory' },
    // The timeout is short, so that unfinished starts end soon.
    startTimeout: 2,
    apps: { [appId]: { environment: 'test', secrets: [secret] }, ...apps },
  }
  writeFileSync(file, JSON.stringify(config))
  const { child, url: listening } = run(['serve', '--config', file], {
    NODE_OPTIONS: `--max-old-space-size=${HEAP}`,
  })
  const errors: string[] = []
  // Reads each line at once, since a full pipe would block the gateway. A warning of Node is not JSON.
  if (child.stderr)
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (/"level":"(error|fatal)"|^[^{]/.test(line) && !line.includes(EXPECTED_ERROR)) errors.push(line)
    })
  const url = await listening()
  let count = 0
  const honest = await startClient(url, await startOf('honest'))
  return {
    url,
    async assertUnharmed() {
      assert.equal(child.exitCode ?? child.signalCode, null, 'the gateway runs')
      const id = `still here ${(count += 1)}`
      honest.send({ type: 'send', id, to: 'honest', body: 'x' })
      const sent = await honest.next('sent')
      assert.equal(sent['id'], id)
      assert.deepEqual(errors, [])
    },
  }
}
