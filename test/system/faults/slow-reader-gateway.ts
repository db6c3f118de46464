// A gateway in a process of its own, whose memory engine counts the messages that are read. It replies to each order over the process
// channel.
import { setImmediate as turn } from 'node:timers/promises'
import { createMemoryEngine } from '../../../src/engine/index.js'
import { createLog } from '../../../src/gateway/index.js'
import { sendBuffers } from '../../../src/gateway/transports/send-buffers.js'
import { rules } from '../../support/engine/stores.js'
import { createTestGateway } from '../../support/gateway/test-gateway.js'
import { appId } from '../../support/tokens.js'

/** `fill` sends messages at once, `send` one in a turn. */
export type Order = 'state' | { do: 'fill' | 'send'; count: number }

export interface State {
  url: string
  /** Messages that the gateway has read from the engine. */
  pulled: number
  /** The most bytes that waited in the process for clients at the end of a turn of this order. */
  held: number
}

const retention = { messages: 1_000_000, age: 3_600_000, bytes: 1e9 }

let pulled = 0
const engine = createMemoryEngine()
const { messagesAfter } = engine
engine.messagesAfter = async (...call) => {
  const page = await messagesAfter.apply(engine, call)
  pulled += page.messages.length
  return page
}
const { gateway } = createTestGateway(
  { retention: { messages: 1_000_000, days: 1, bytes: 1e9 } },
  {},
  { engine, log: createLog({ level: 'fatal' }) },
)
const url = await gateway.listen()

const body = 'x'.repeat(500)
let count = 0
const send = (): Promise<unknown> =>
  engine.send({ appId, id: `${++count}`, from: null, to: 'ada', body }, { ...rules, retention })

const execute = async (order: Order): Promise<State> => {
  let held = sendBuffers.state.bytes
  const atOnce = order !== 'state' && order.do === 'fill' ? 500 : 1
  for (let left = order === 'state' ? 0 : order.count; left > 0; left -= atOnce) {
    await Promise.all(Array.from({ length: Math.min(left, atOnce) }, send))
    await turn()
    held = Math.max(held, sendBuffers.state.bytes)
  }
  return { url, pulled, held }
}

process.on('message', (order: Order) => void execute(order).then((state) => process.send?.(state)))
// Without a parent process there are no clients.
process.once('disconnect', () => process.exit())
