// An attempt tells of its connection until it is closed, and not after: the machine does not ask of which connection an input is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { step } from '../../../src/session/machine/step.js'
import { createAttempts, type Attempts } from '../../../src/session/transports/attempts.js'
import { now } from '../../../src/session/util/clock.js'
import { world } from '../machine/states.js'

const ended = { type: 'ended', code: 'unavailable', message: 'Drain.', retryable: true } as const

/** A WebSocket whose events the test makes. */
class HandWebSocket {
  static last: HandWebSocket | undefined
  readonly OPEN = 1
  readonly CLOSED = 3
  readyState = 0
  onopen: (() => void) | null = null
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  onerror: (() => void) | null = null
  sent: unknown[] = []
  constructor() {
    HandWebSocket.last = this
  }
  open(): void {
    this.readyState = 1
    this.onopen?.()
  }
  bring(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
  send(json: string): void {
    this.sent.push(JSON.parse(json))
  }
  close(code?: number): void {
    this.readyState = 2
    this.sent.push(`close ${code}`)
  }
}

const START = { type: 'start', appId: 'app' } as const

/** Attempts of a session that is connecting for the first time, with one WebSocket under way. */
const open = (): { socket: HandWebSocket; told: unknown[]; attempts: Attempts } => {
  const told: unknown[] = []
  const [state] = step({ name: 'idle' }, { type: 'start', stored: 'absent' }, world({ now: now() }))
  const attempts = createAttempts(
    { endpoint: 'http://gateway.example', WebSocket: HandWebSocket },
    {
      startFrame: () => START,
      state: () => state,
      feed: (input) => told.push(input),
      emitError: () => assert.fail('It emitted an error.'),
    },
  )
  attempts.open(false)
  const socket = HandWebSocket.last ?? assert.fail('No WebSocket was opened.')
  return { socket, told, attempts }
}

test('the gateway’s reason comes with the close, and not before', () => {
  const { socket, told, attempts } = open()
  socket.bring({ type: 'ping' })
  socket.bring(ended)
  socket.onclose?.({ code: 4503 })
  attempts.stop()
  assert.deepEqual(told, [
    { type: 'frame', frame: { type: 'ping' } },
    { type: 'closed', code: 4503, reason: ended },
  ])
})

test('an attempt that was closed is heard no more, and the one after it is', async () => {
  const { socket, told, attempts } = open()
  const closing = attempts.close()
  attempts.open(false)
  socket.onopen?.()
  socket.bring({ type: 'ping' })
  socket.onclose?.({ code: 1006 })
  await closing
  assert.deepEqual(told, [])
  HandWebSocket.last?.open()
  attempts.stop()
  assert.deepEqual(told, [{ type: 'opened' }])
})

test('an attempt that ends while it opens sends `end` when it is open, and tells nothing', async () => {
  const { socket, told, attempts } = open()
  const ending = attempts.endAfterOpen()
  assert.deepEqual(socket.sent, [])
  socket.open()
  // The rest follows in a microtask.
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(socket.sent, [{ type: 'end' }, 'close 1000'])
  socket.onclose?.({ code: 1000 })
  await ending
  attempts.stop()
  assert.deepEqual(told, [])
})
