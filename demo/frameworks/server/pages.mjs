import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { createAdaptorServer } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import { createGateway, createLog } from 'chat-session/gateway'
import { Hono } from 'hono'
import { createBackend } from './backend.mjs'
import { createBuiltPages } from './built.mjs'
import { createRenderedPages } from './rendered.mjs'

const HOST = '127.0.0.1'
const appId = 'frameworks'
const common = fileURLToPath(new URL('../common/', import.meta.url))

/**
 * Starts a gateway with a memory engine, and a site whose pages use it.
 * @type {typeof import('./pages.d.mts').startFrameworkPages}
 */
export const startFrameworkPages = async ({ port = 0, tokenLife = 300, logged } = {}) => {
  const secret = randomBytes(32).toString('base64url')
  const gateway = createGateway(
    {
      listen: { host: HOST, port: 0 },
      engine: { type: 'memory' },
      apps: { [appId]: { environment: 'test', secrets: [secret], guests: false, requireExpiry: true } },
    },
    {
      env: {},
      log: logged
        ? createLog({ level: 'debug', destination: { write: logged } })
        : createLog({ level: 'warn' }),
    },
  )
  const endpoint = await gateway.listen()
  const { routes, siteOf } = createBackend({ endpoint, appId, secret, tokenLife })
  const site = new Hono()
  site.route('/', routes)
  site.get('/pages.css', serveStatic({ root: common }))
  site.route('/', createBuiltPages(siteOf))
  site.route('/', createRenderedPages(siteOf))
  const server = createAdaptorServer({ fetch: site.fetch })
  await new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, HOST, () => resolve(undefined))
  }).catch(async (error) => {
    await gateway.close()
    throw error
  })
  const address = /** @type {import('node:net').AddressInfo} */ (server.address())
  return {
    url: `http://${HOST}:${address.port}`,
    endpoint,
    appId,
    publish: (message) => gateway.publish({ appId, ...message }),
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      // Browsers open connections in advance, which would keep the server open.
      if ('closeAllConnections' in server) server.closeAllConnections()
      await Promise.all([closed, gateway.close()])
    },
  }
}
