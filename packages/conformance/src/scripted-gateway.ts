import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { START_PREFIX, SUBPROTOCOL, type GatewayFrame } from '../../../src/protocol/index.js'
import { createConnection, type Connection, type Kind } from './connection.js'
import { startedFrame, type Started } from './frames.js'
import { createStreamServer, type PostAnswer } from './scripted-stream.js'
import type { Watch } from './watch.js'

interface Attempt {
  kind: Kind
  /** Whether the client's `start` frame is in the handshake. */
  inHandshake: boolean
}

/** A gateway that does what a case tells it, even what the protocol forbids. */
export interface ScriptedGateway {
  readonly url: string
  /** Every WebSocket handshake, and every request that opens a stream. */
  readonly attempts: readonly Attempt[]
  /** A case may set this function. Returns whether the gateway refuses an attempt. */
  refuse: (attempt: Attempt) => boolean
  /** A case may set this function. Returns the answer to the post with the number `seq`. */
  answerPost: (seq: number) => PostAnswer
  /** Takes the next connection once its `start` frame has arrived. */
  connection(): Promise<Connection>
  /** Takes the next connection, and answers its `start` frame with `started`. */
  begin(changes?: Partial<Started>): Promise<Connection>
  close(): Promise<void>
}

/** Returns the highest offset among `before` and the messages in `frames`. The next `started` frame has this offset. */
const newestIn = (frames: readonly GatewayFrame[], before: number): number =>
  Math.max(before, ...frames.map((frame) => (frame.type === 'message' ? frame.offset : 0)))

const refuseUpgrade = (socket: Duplex, status: string): void =>
  // After an upgrade Node handles no error of the socket. Without a listener, a client that resets the socket would end this process.
  void socket
    .on('error', () => socket.destroy())
    .end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)

export const openScriptedGateway = async (watch: Watch): Promise<ScriptedGateway> => {
  const attempts: Attempt[] = []
  const connections = watch.feed<Connection>()
  let newest = 0

  const isRefused = (kind: Kind, inHandshake: boolean): boolean => {
    const attempt = { kind, inHandshake }
    attempts.push(attempt)
    return gateway.refuse(attempt)
  }
  const begun = (connection: Connection): void => {
    const { send } = connection
    connections.push({
      ...connection,
      send(...frames) {
        newest = newestIn(frames, newest)
        send(...frames)
      },
    })
  }

  const webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: 131_072,
    handleProtocols: () => SUBPROTOCOL,
  })
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(/,\s*/)
    const start = offered.find((name) => name.startsWith(START_PREFIX))
    if (request.url !== '/v1/session') {
      watch.fail(`The client opened a WebSocket at ${String(request.url).slice(0, 100)}, not at /v1/session.`)
      return refuseUpgrade(socket, '404 Not Found')
    }
    if (!offered.includes(SUBPROTOCOL)) {
      watch.fail(`The client did not offer the subprotocol ${SUBPROTOCOL}.`)
      return refuseUpgrade(socket, '400 Bad Request')
    }
    if (isRefused('websocket', start !== undefined)) return refuseUpgrade(socket, '503 Service Unavailable')
    // If the `start` frame is in the handshake, its answer goes out in one packet with the 101, so a client must listen at once.
    socket.cork()
    setImmediate(() => setImmediate(() => socket.uncork()))
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const take = createConnection(
        {
          kind: 'websocket',
          socket: webSocket,
          write: (text) => webSocket.send(text),
          close: (code) => webSocket.close(code),
          cut: () => webSocket.terminate(),
        },
        watch,
        begun,
      )
      webSocket.on('message', (data: Buffer, isBinary) => {
        if (isBinary) watch.fail('The client sent a binary frame.')
        else take(data.toString())
      })
      // A broken WebSocket frame of the client causes this error. Without a listener the error would end this process.
      webSocket.on('error', ({ message }) => watch.fail(`The client's WebSocket is broken: ${message}`))
      if (start !== undefined) take(Buffer.from(start.slice(START_PREFIX.length), 'base64url').toString())
    })
  }

  const streams = createStreamServer({
    watch,
    begun,
    isRefused: () => isRefused('stream', false),
    answerPost: (seq) => gateway.answerPost(seq),
  })
  const server = createServer({ maxHeaderSize: 32_768 }, streams)
  server.on('upgrade', upgrade)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })

  const gateway: ScriptedGateway = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    attempts,
    refuse: () => false,
    answerPost: () => 204,
    connection: () => connections.take('connect with a `start`'),
    async begin(changes) {
      const connection = await gateway.connection()
      connection.send(startedFrame(connection.start, newest, changes))
      return connection
    },
    async close() {
      for (const client of webSockets.clients) client.terminate()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return gateway
}
