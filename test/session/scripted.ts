import type { WebSocket } from 'ws'
import type {
  ClientFrame,
  ClientFrameOf,
  GatewayFrame,
  GatewayFrameOf,
  Message,
} from '../../src/protocol/index.js'
import { info } from './machine/states.js'
import type { ChatSession } from '../../src/session/index.js'
import { eventually, newSession, startFake } from '../support/clients/client-sessions.js'

/** One connection to a scripted gateway, after its start arrived. */
export interface ScriptedConnection {
  socket: WebSocket
  start: ClientFrameOf<'start'>
  /** The frames after the start. */
  frames: ClientFrame[]
  send(...frames: GatewayFrame[]): void
  /** The received frames of a type, in order. */
  of<T extends ClientFrame['type']>(type: T): ClientFrameOf<T>[]
}

export interface Script {
  endpoint: string
  connections: ScriptedConnection[]
  /** The connection with this number, once it is there. */
  connection(number: number): Promise<ScriptedConnection>
}

export const started = (changes: Partial<typeof info> = {}): typeof info => ({
  ...info,
  can: ['peers', 'signal', 'watch'],
  expiresIn: null,
  ...changes,
})

export const message = (offset: number, changes: Partial<Message> = {}): GatewayFrame => ({
  type: 'message',
  offset,
  id: `m${offset}`,
  from: 'bob',
  to: 'ann',
  sender: null,
  body: `text ${offset}`,
  sentAt: offset,
  ...changes,
})

/** A refusal. A client may try again what is refused with a `retryAfter`. */
export const refusal = (
  re: GatewayFrameOf<'refused'>['re'],
  code: string,
  { id, retryAfter }: { id?: string | undefined; retryAfter?: number | undefined } = {},
): GatewayFrameOf<'refused'> => ({
  ...{ type: 'refused', re, code, message: 'No.', retryable: retryAfter !== undefined },
  ...(id !== undefined && { id }),
  ...(retryAfter !== undefined && { retryAfter }),
})

/** A server that answers each start with the frames of `greet`; a test sends all others. */
export const startScript = async (
  greet: (number: number) => GatewayFrame[] = () => [started()],
): Promise<Script> => {
  const connections: ScriptedConnection[] = []
  const endpoint = await startFake((socket, { headers }) => {
    const offered = String(headers['sec-websocket-protocol']).split(/,\s*/)
    const header = offered.find((name) => name.startsWith('start.'))?.slice(6)
    const frames: ClientFrame[] = []
    const begin = (start: ClientFrameOf<'start'>): void => {
      const connection: ScriptedConnection = {
        socket,
        start,
        frames,
        send: (...sent) => sent.forEach((frame) => socket.send(JSON.stringify(frame))),
        of: (type) => frames.filter((frame) => frame.type === type) as never,
      }
      connections.push(connection)
      connection.send(...greet(connections.length - 1))
    }
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as ClientFrame
      if (frame.type === 'start') begin(frame)
      else frames.push(frame)
    })
    if (header) begin(JSON.parse(Buffer.from(header, 'base64url').toString()) as ClientFrameOf<'start'>)
  })
  return {
    endpoint,
    connections,
    async connection(number) {
      await eventually(() => connections.length > number)
      const found = connections[number]
      if (!found) throw new Error('No connection.')
      return found
    },
  }
}

/** An active session on a scripted gateway, with what its first connection has. */
export const startScripted = async (
  greet?: (number: number) => GatewayFrame[],
): Promise<Script & ScriptedConnection & { session: ChatSession }> => {
  const script = await startScript(greet)
  const session = newSession({ endpoint: script.endpoint, token: 'a.b.c' })
  await session.start()
  return { ...script, ...(await script.connection(0)), session }
}
