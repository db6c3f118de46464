import type { WebSocket } from 'ws'
import type { ClientFrame, ClientFrameOf, GatewayFrame, Message } from '../../src/protocol/index.js'
import { info } from './states.js'
import { eventually, startFake } from './support.js'

/** One connection to a scripted gateway, its start received. */
export interface Told {
  socket: WebSocket
  start: ClientFrameOf<'start'>
  /** What came after the start. */
  frames: ClientFrame[]
  say(...frames: GatewayFrame[]): void
  /** Frames of a type, as they came. */
  of<T extends ClientFrame['type']>(type: T): ClientFrameOf<T>[]
}

export interface Script {
  endpoint: string
  connections: Told[]
  /** The connection with this number, once it is there. */
  connection(number: number): Promise<Told>
}

export const started = (changes: Partial<typeof info> = {}): typeof info => ({
  ...info,
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

/** A server that speaks the protocol as far as `greet` has it answer a start, and otherwise says what a test says. */
export const startScript = async (
  greet: (number: number) => GatewayFrame[] = () => [started()],
): Promise<Script> => {
  const connections: Told[] = []
  const endpoint = await startFake((socket, { headers }) => {
    const offered = String(headers['sec-websocket-protocol']).split(/,\s*/)
    const json = Buffer.from(offered.find((name) => name.startsWith('start.'))?.slice(6) ?? '', 'base64url')
    const frames: ClientFrame[] = []
    const told: Told = {
      socket,
      start: JSON.parse(json.toString()) as ClientFrameOf<'start'>,
      frames,
      say: (...said) => said.forEach((frame) => socket.send(JSON.stringify(frame))),
      of: (type) => frames.filter((frame) => frame.type === type) as never,
    }
    socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString()) as ClientFrame))
    connections.push(told)
    told.say(...greet(connections.length - 1))
  })
  return {
    endpoint,
    connections,
    async connection(number) {
      await eventually(() => connections.length > number)
      const told = connections[number]
      if (!told) throw new Error('No connection.')
      return told
    },
  }
}
