// A transport tells of its socket until it closes it, and not after: the machine does not ask of which socket an input is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTransport } from '../../src/session/transports/websocket.js'
import type { TransportListener } from '../../src/session/transports/transport.js'

type Told = Parameters<TransportListener>[0]

const ended = { type: 'ended', code: 'unavailable', message: 'Drain.', retryable: true } as const

const open = (): { socket: WebSocket; told: Told[]; transport: ReturnType<typeof openTransport> } => {
  const told: Told[] = []
  const socket = { OPEN: 1, CLOSED: 3, readyState: 1, close: () => undefined } as unknown as WebSocket
  const transport = openTransport(
    () => socket,
    'ws://gateway/',
    [],
    (input) => told.push(input),
  )
  return { socket, told, transport }
}

const bring = (socket: WebSocket, frame: object): void =>
  void socket.onmessage?.({ data: JSON.stringify(frame) } as MessageEvent)

test('the gateway’s reason comes with the close, and not before', () => {
  const { socket, told } = open()
  bring(socket, { type: 'ping' })
  bring(socket, ended)
  socket.onclose?.({ code: 4503 } as CloseEvent)
  assert.deepEqual(told, [
    { type: 'frame', frame: { type: 'ping' } },
    { type: 'closed', code: 4503, reason: ended },
  ])
})

test('a socket that was closed is heard no more', async () => {
  const { socket, told, transport } = open()
  const closing = transport.close()
  socket.onopen?.({} as Event)
  bring(socket, { type: 'ping' })
  socket.onclose?.({ code: 1006 } as CloseEvent)
  await closing
  assert.deepEqual(told, [])
})
