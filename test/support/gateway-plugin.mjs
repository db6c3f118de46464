// Lets tests in a browser run real gateways: each `gateway:start` makes one in this process, on a port of its own.
import { createGateway, createLog } from '../../dist/gateway/index.js'

export const gatewayPlugin = () => {
  const gateways = new Map()

  const commands = {
    /** Starts a gateway with `config` over the defaults; answers its address. */
    'gateway:start': async (config) => {
      const gateway = createGateway(
        { listen: { port: 0 }, engine: { type: 'memory' }, ...config },
        { env: {}, log: createLog({ level: 'fatal' }) },
      )
      const url = await gateway.listen()
      gateways.set(url, gateway)
      return url
    },
    /** Closes the gateway at `url`, if it is still there; its port is free then. */
    'gateway:stop': async (url) => {
      await gateways.get(url)?.close()
      gateways.delete(url)
      return true
    },
  }

  return {
    name: 'gateway',
    executeCommand: ({ command, payload }) => commands[command]?.(payload),
    serverStop: () => Promise.all([...gateways.keys()].map(commands['gateway:stop'])),
  }
}
