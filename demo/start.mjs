// `npm start`: runs the development gateway and the demo shop side by side.
import { createAdaptorServer } from '@hono/node-server'
import { startDev } from '../dist/cli/dev/dev.js'
import { untilSignal } from '../dist/cli/until-signal.js'
import { HOST, listen, portOf, run, UsageError } from './ports.mjs'
import { createShop } from './shop/shop.mjs'

const startGateway = (port, shopPort) =>
  // A notification opens the shop. The address of a free port is not known yet.
  startDev({
    host: HOST,
    port,
    data: '.chat-session',
    ...(shopPort && { shop: `http://${HOST}:${shopPort}` }),
  }).catch((error) => {
    if (error.code === 'port-in-use')
      throw new UsageError(
        `Port ${port} on ${HOST} is in use: choose another for the gateway with PORT, or 0 for a free one.`,
      )
    throw ['GatewayError', 'EngineError', 'CliError'].includes(error.name)
      ? new UsageError(error.message)
      : error
  })

await run(async () => {
  const [port, shopPort] = [portOf('PORT', 8080), portOf('DEMO_PORT', 8081)]
  const gateway = await startGateway(port, shopPort)
  const shop = createShop({ gateway: gateway.url, secret: gateway.secrets.shop.token })
  const server = createAdaptorServer({ fetch: shop.fetch })
  const url = await listen(server, shopPort, 'the shop', 'DEMO_PORT').catch(async (error) => {
    await gateway.close()
    throw error
  })
  untilSignal(async () => {
    server.close()
    // Browsers open connections in advance, which would keep the server open.
    server.closeAllConnections()
    await gateway.close()
  })
  console.log(`listening on ${gateway.url}
listening on ${url}

  playground  ${gateway.url}/
  demo shop   ${url}/
`)
})
