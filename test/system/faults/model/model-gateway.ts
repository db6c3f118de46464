// A gateway in a process of its own. It loads its modules, then waits for the order to open a folder, so that it replaces a
// killed process quickly. It replies over the process channel with its address and the result of each publication.
import { createGateway, createLog, type Gateway } from '../../../../src/gateway/index.js'
import type { Transport } from '../../../../src/gateway/connection/transport.js'
import { BunTransport } from '../../../../src/gateway/transports/bun-transport.js'
import { WsTransport } from '../../../../src/gateway/transports/ws-transport.js'
import { configOf } from './model-config.js'

export type Order = { folder: string } | { publish: Parameters<Gateway['publish']>[0] } | 'close'
/** `repeated`: a message was sent a second time on its connection. */
export type GatewayReply =
  { url: string } | { repeated: true } | { id: string; offset?: number; error?: string }

const respond = (reply: GatewayReply): void => void process.send?.(reply)

// Makes every `retryAfter` of a drain short, so that clients reconnect soon.
const { random } = Math
Math.random = () => random() / 20

/** How many of the newest messages on a connection may be sent again. */
const LAST = 8
const sentMessages = new WeakMap<Transport, string[]>()

/** Makes the transports of this class send a message a second time now and then: the client must drop a message that it has received. */
const repeatMessages = (prototype: Transport): void => {
  const send = prototype.send
  prototype.send = function (this: Transport, text) {
    send.call(this, text)
    if (!text.startsWith('{"type":"message"')) return
    const last = [...(sentMessages.get(this) ?? []), text].slice(-LAST)
    sentMessages.set(this, last)
    const again = last[Math.floor(random() * 3 * last.length)]
    if (again === undefined) return
    send.call(this, again)
    respond({ repeated: true })
  }
}
repeatMessages(WsTransport.prototype)
repeatMessages(BunTransport.prototype)

let gateway: ReturnType<typeof createGateway> | undefined

const execute = async (order: Order): Promise<void> => {
  if (order === 'close') {
    await gateway?.close()
    process.disconnect()
  } else if ('folder' in order) {
    gateway = createGateway(configOf(order.folder), { env: {}, log: createLog({ level: 'fatal' }) })
    respond({ url: await gateway.listen() })
  } else {
    const { id = '' } = order.publish
    await gateway?.publish(order.publish).then(
      ({ offset }) => respond({ id, offset }),
      (error: unknown) => respond({ id, error: String(error) }),
    )
  }
}

process.on('message', (order: Order) => void execute(order))
// Without a parent process there are no clients.
process.once('disconnect', () => process.exit())
