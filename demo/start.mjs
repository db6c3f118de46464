// `npm start`: runs the development gateway and the demo shop side by side.
import { createAdaptorServer } from '@hono/node-server'
import { startDev } from '../dist/cli/dev/dev.js'
import { untilSignal } from '../dist/cli/until-signal.js'
import { createShop } from './shop/shop.mjs'

const HOST = '127.0.0.1'

/** An error that the user can correct. It is printed as one line, without a stack. */
class UsageError extends Error {}

const portOf = (name, otherwise) => {
  const text = process.env[name] || String(otherwise)
  if (!/^\d+$/.test(text) || Number(text) > 65_535)
    throw new UsageError(`${name} is ${text}: a port is a number from 0 to 65535.`)
  return Number(text)
}

/** Resolves with the address. */
const listen = (server, port) =>
  new Promise((resolve, reject) => {
    server.once('error', ({ code, message }) =>
      reject(
        new UsageError(
          code === 'EADDRINUSE'
            ? `Port ${port} on ${HOST} is in use: choose another for the shop with DEMO_PORT, or 0 for a free one.`
            : `The shop can't listen on ${HOST}, port ${port}: ${message}.`,
        ),
      ),
    )
    server.listen(port, HOST, () => resolve(`http://${HOST}:${server.address().port}`))
  })

const startGateway = (port) =>
  startDev({ host: HOST, port, data: '.chat-session' }).catch((error) => {
    if (error.code === 'port-in-use')
      throw new UsageError(
        `Port ${port} on ${HOST} is in use: choose another for the gateway with PORT, or 0 for a free one.`,
      )
    throw ['GatewayError', 'EngineError', 'CliError'].includes(error.name)
      ? new UsageError(error.message)
      : error
  })

const start = async () => {
  const [port, shopPort] = [portOf('PORT', 8080), portOf('DEMO_PORT', 8081)]
  const gateway = await startGateway(port)
  const shop = createShop({ gateway: gateway.url, secret: gateway.secrets.shop.token })
  const server = createAdaptorServer({ fetch: shop.fetch })
  const url = await listen(server, shopPort).catch(async (error) => {
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
}

await start().catch((error) => {
  if (!(error instanceof UsageError)) throw error
  console.error(`demo: ${error.message}`)
  process.exitCode = 2
})
