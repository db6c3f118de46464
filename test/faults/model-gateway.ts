// A gateway in a process of its own that waits, loaded, until it is asked to open a folder; so a killed one is followed
// soon. It says over the channel where it listens and what became of what was published.
import { WebSocket } from 'ws'
import { createGateway, createLog, type Publication } from '../../src/gateway/index.js'
import { configOf } from './model-config.js'

export type Order = { folder: string } | { publish: Publication } | 'close'
export type GatewayReply = { url: string } | { id: string; offset?: number; error?: string }

const say = (reply: GatewayReply): void => void process.send?.(reply)

// Those who are sent away come again soon: a run has no time to lose.
const { random } = Math
Math.random = () => random() / 20

/** How many of those that were last said may be said again. */
const LAST = 8
const said = new WeakMap<WebSocket, string[]>()
const write = WebSocket.prototype.send as (this: WebSocket, text: string) => void

// Delivery is at least once on the wire: what a client has seen comes again now and then, and is to be dropped.
WebSocket.prototype.send = function (this: WebSocket, text: string) {
  write.call(this, text)
  if (!text.startsWith('{"type":"message"')) return
  const last = [...(said.get(this) ?? []), text].slice(-LAST)
  said.set(this, last)
  const again = last[Math.floor(random() * 3 * last.length)]
  if (again !== undefined) write.call(this, again)
}

let gateway: ReturnType<typeof createGateway> | undefined

const obey = async (order: Order): Promise<void> => {
  if (order === 'close') {
    await gateway?.close()
    process.disconnect()
  } else if ('folder' in order) {
    gateway = createGateway(configOf(order.folder), { env: {}, log: createLog({ level: 'fatal' }) })
    say({ url: await gateway.listen() })
  } else {
    const { id = '' } = order.publish
    await gateway?.publish(order.publish).then(
      ({ offset }) => say({ id, offset }),
      (error: unknown) => say({ id, error: String(error) }),
    )
  }
}

process.on('message', (order: Order) => void obey(order))
// Without a parent there is no client to serve.
process.once('disconnect', () => process.exit())
