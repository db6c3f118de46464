// Helpers of the fuzz tests: the number of runs, a gateway in a process with a small heap, and a parser of its frames.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { GatewayConfig } from '../../src/gateway/index.js'
import { gatewayFrames, parse, closeCodes, type EndCode } from '../../src/protocol/index.js'
import { scratchFolder } from '../support/scratch-folder.js'
import { run } from '../cli/run.js'
import { startClient } from '../support/raw-client.js'
import { appId, secret, tokenFor } from '../support/tokens.js'

/** The only error that a client can cause in the log: a forwarded header to a gateway that trusts no proxy. */
const EXPECTED_ERROR = 'but listen.trustProxy is 0'

/** `ATTACK_RUNS=50` makes every property run 50 times as often. */
const FACTOR = Number(process.env['ATTACK_RUNS'] ?? 1)
export const runs = (count: number): number => count * FACTOR

/** The heap in MB. An idle gateway needs less than half of it. */
const HEAP = 64

export { appId, secret, tokenFor }

export const startOf = async (userId: string, more: object = {}): Promise<object> => ({
  type: 'start',
  appId,
  token: await tokenFor(userId),
  ...more,
})

export interface AttackedGateway {
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
    // Unfinished starts end soon.
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

export interface ReceivedFrame {
  opcode: number
  payload: Buffer
}

/** Parses the WebSocket frames of a server (RFC 6455, 5.2). An incomplete last frame is left out. */
export const readFrames = (bytes: Buffer): ReceivedFrame[] => {
  const frames: ReceivedFrame[] = []
  for (let at = 0; at + 2 <= bytes.length;) {
    const [first = 0, second = 0] = bytes.subarray(at)
    assert.equal(first & 0xf0, 0x80, 'a frame of the gateway is not fragmented and has no reserved bit')
    assert.equal(second & 0x80, 0, 'a server does not mask')
    const extended = second === 127 ? 8 : second === 126 ? 2 : 0
    if (at + 2 + extended > bytes.length) break
    const length =
      extended === 0 ? second : bytes.readUIntBE(at + 2 + Math.max(0, extended - 6), Math.min(6, extended))
    const from = at + 2 + extended
    if (from + length > bytes.length) break
    frames.push({ opcode: first & 0xf, payload: bytes.subarray(from, from + length) })
    at = from + length
  }
  return frames
}

/** Asserts that text frames are valid, and that an `ended` frame and the close after it have the same code. Returns that code. */
export const assertSpeaksProtocol = (frames: ReceivedFrame[]): string | undefined => {
  let ended: EndCode | undefined
  for (const { opcode, payload } of frames) {
    if (opcode === 8) {
      // The answer to a close without a code has no code (RFC 6455, 7.1.5).
      const close = payload.length < 2 ? 1005 : payload.readUInt16BE(0)
      if (ended) assert.equal(close, closeCodes[ended].close)
      return ended ?? String(close)
    }
    if (opcode !== 1) continue
    assert.equal(ended, undefined, 'nothing follows an ended frame')
    const parsed = parse(gatewayFrames, payload.toString())
    assert.ok(parsed.ok, payload.toString())
    if (parsed.frame.type === 'ended') ended = parsed.frame.code as EndCode
  }
  return ended
}
