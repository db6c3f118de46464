// `npm run demo:cluster`: runs a Redis, two gateways on it behind one address, and the demo shop with a panel that stops and starts them.
import { randomBytes } from 'node:crypto'
import { createAdaptorServer } from '@hono/node-server'
import { untilSignal } from '../../dist/cli/until-signal.js'
import { listen, portOf, run } from '../ports.mjs'
import { createChat } from '../shop/chat.mjs'
import { createShop } from '../shop/shop.mjs'
import { createBalancer } from './balancer.mjs'
import { createNode } from './nodes.mjs'
import { createPanelRoutes, panel } from './panel.mjs'
import { startRedis } from './redis.mjs'

await run(async () => {
  const [port, shopPort] = [portOf('PORT', 8080), portOf('DEMO_PORT', 8081)]
  const secret = randomBytes(32).toString('base64url')
  /** Closes what has been started, the latest first. @type {(() => unknown)[]} */
  const started = []
  const close = async () => {
    for (const end of started.reverse()) await end()
  }
  try {
    const redis = await startRedis()
    started.push(() => redis.stop())
    const env = { ...process.env, PORT: '0', REDIS_URL: redis.url, SHOP_SECRET: secret }
    const nodes = ['gateway-1', 'gateway-2'].map((name) => createNode(name, env))
    started.push(() => Promise.all(nodes.map((node) => node.stop())))
    await Promise.all(nodes.map((node) => node.start()))
    const balancer = createBalancer(nodes)
    const gateway = await listen(balancer.server, port, 'the gateways', 'PORT')
    started.push(() => balancer.close())
    const shop = createShop({ gateway, secret, panel })
    shop.route('/cluster', createPanelRoutes(nodes, createChat({ gateway, appId: 'shop', secret })))
    const server = createAdaptorServer({ fetch: shop.fetch })
    const url = await listen(server, shopPort, 'the shop', 'DEMO_PORT')
    started.push(() => {
      server.close()
      server.closeAllConnections()
    })
    untilSignal(close)
    console.log(`listening on ${gateway}
listening on ${url}

  demo shop   ${url}/
  gateways    ${gateway}/
`)
  } catch (error) {
    await close()
    throw error
  }
})
