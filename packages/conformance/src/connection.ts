import type { ServerResponse } from 'node:http'
import type { WebSocket } from 'ws'
import {
  clientFrames,
  parse,
  type ClientFrame,
  type ClientFrameOf,
  type EndCode,
  type GatewayFrame,
} from '../../../src/protocol/index.js'
import type { Watch } from './watch.js'

export type Kind = 'websocket' | 'stream'

/** A connection of the client under test to a scripted gateway. */
export interface Connection {
  readonly kind: Kind
  readonly start: ClientFrameOf<'start'>
  /** When the `start` frame arrived, in milliseconds of `performance.now()`. */
  readonly at: number
  /** The connection's WebSocket, for a case about fragments. */
  readonly socket: WebSocket | undefined
  readonly response: ServerResponse | undefined
  /** Takes the next frame of this type. */
  next<T extends ClientFrame['type']>(type: T): Promise<ClientFrameOf<T>>
  /** All frames of this type that the client has sent so far. */
  all<T extends ClientFrame['type']>(type: T): ClientFrameOf<T>[]
  send(...frames: GatewayFrame[]): void
  /** Sends a frame, which may have an unknown type. */
  write(frame: object): void
  /** Closes the connection as a gateway does. If `code` is given, an `ended` frame comes first. */
  close(closeCode: number, code?: EndCode, retryAfter?: number): void
  /** Cuts the connection without a close frame. */
  cut(): void
}

/** What a transport gives a connection: the functions that send text, and that close or cut the connection. */
interface Line {
  kind: Kind
  socket?: WebSocket
  response?: ServerResponse
  write(text: string): void
  close(code: number): void
  cut(): void
}

/**
 * Makes a connection that sends its frames on `line`. Returns a function that takes each text that arrives. When the `start` frame has
 * arrived, calls `begun` with the connection.
 */
export const createConnection = (
  line: Line,
  watch: Watch,
  begun: (connection: Connection) => void,
): ((text: string) => void) => {
  const frames = watch.feed<ClientFrame>()
  let isBegun = false

  const begin = (start: ClientFrameOf<'start'>): void => {
    if (isBegun) return watch.fail('The client sent a second `start` on a connection.')
    isBegun = true
    const write: Connection['write'] = (frame) => line.write(JSON.stringify(frame))
    begun({
      kind: line.kind,
      start,
      at: performance.now(),
      socket: line.socket,
      response: line.response,
      next: async (type) => (await frames.take(`send \`${type}\``, (frame) => frame.type === type)) as never,
      all: (type) => frames.all.filter((frame) => frame.type === type) as never,
      send: (...sent) => sent.forEach(write),
      write,
      close(closeCode, code, retryAfter) {
        if (code !== undefined)
          write({
            type: 'ended',
            code,
            message: 'The conformance suite says so.',
            retryable: closeCode >= 4_500,
            ...(retryAfter !== undefined && { retryAfter }),
          })
        line.close(closeCode)
      },
      cut: () => line.cut(),
    })
  }

  return (text) => {
    const parsed = parse(clientFrames, text)
    if (!parsed.ok) watch.fail(`The client sent a frame that no gateway takes: ${parsed.why}`)
    else if (parsed.frame.type === 'start') begin(parsed.frame)
    else if (isBegun) frames.push(parsed.frame)
    else watch.fail(`The client sent \`${parsed.frame.type}\` before its start.`)
  }
}
