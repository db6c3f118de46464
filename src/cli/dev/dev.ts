import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import { createGateway, type Gateway, type GatewayConfig } from '../../gateway/index.js'
import { isLoopback, listenError } from '../../gateway/internal.js'
import {
  isEveryAddress,
  LOCAL_PAGE,
  nameLocalPages,
  networkAddresses,
  originOf,
  originsOf,
} from './dev-origins.js'
import { createDevRoutes } from './dev-routes.js'
import { readDevSecrets, type DevSecrets } from './dev-secrets.js'
import { createFaultProxy } from './fault-proxy.js'
import { untilSignal } from '../until-signal.js'

interface DevOptions {
  host: string
  port: number
  /** Folder for the engine's data and the apps' secrets. */
  data: string
  /** The address of the shop demo; undefined if the shop does not run. */
  shop?: string
}

export interface Dev {
  /** The address of the gateway and the playground on this machine. */
  url: string
  /** Their addresses for other machines, such as a phone, if the server listens on every address. */
  networkUrls: string[]
  /** The secrets of the gateway's apps, for a backend on the same machine, such as the shop's. */
  secrets: DevSecrets
  close(): Promise<void>
}

/** Milliseconds in which clients must close when the gateway stops. */
const CLOSE_TIMEOUT = 1_000

/**
 * The apps of a development gateway: a lenient one, one as strict as production, and the shop demo's. Anyone can be any user of these apps.
 * So they accept only pages of this machine: other websites must not use the apps from a developer's browser.
 */
const configOf = (secrets: DevSecrets, { host, data, shop }: DevOptions, port: number): GatewayConfig => ({
  engine: { type: 'embedded', path: join(data, 'data') },
  apps: {
    playground: {
      environment: 'test',
      origins: [LOCAL_PAGE, ...originsOf(host, port)],
      secrets: [secrets.playground.token],
      signatureSecrets: [secrets.playground.signature],
      authenticate: ({ userId, authParams }) =>
        Promise.resolve(
          authParams['password'] === 'open sesame' ? { ok: true, user: { name: userId } } : { ok: false },
        ),
    },
    strict: {
      environment: 'production',
      secrets: [secrets.strict.token],
      signatureSecrets: [secrets.strict.signature],
      // An app with signatures needs this, because a signature never expires.
      requireExpiry: false,
      origins: originsOf(host, port),
    },
    shop: {
      environment: 'test',
      origins: [LOCAL_PAGE, ...originsOf(host, port)],
      secrets: [secrets.shop.token],
      guests: true,
      requireExpiry: true,
      profiles: 'vouched',
      ...(shop !== undefined && {
        push: { subject: 'mailto:demo@example.com', url: new URL('/messages', shop).href },
      }),
    },
  },
})

const listen = (server: Server, { host, port }: DevOptions): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(listenError({ host, port }, cause, ' with --port')))
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
  })

/** Starts a gateway for development, with ready-made apps, and the playground at `/`. */
export const startDev = async (options: DevOptions): Promise<Dev> => {
  const secrets = await readDevSecrets(options.data)
  const server = createServer({ maxHeaderSize: 32_768 })
  const proxy = createFaultProxy()
  const respond = getRequestListener(createDevRoutes(secrets, proxy, options.host).fetch)
  server.on('request', (request, response) => {
    if (!proxy.forward(server, request, response)) void respond(request, response)
  })
  const port = await listen(server, options)
  let gateway: Gateway | undefined
  const close = async (): Promise<void> => {
    await gateway?.close()
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeIdleConnections()
    // A frozen page never answers the close, and its connection must not keep the process alive.
    const timer = setTimeout(() => {
      proxy.cutAll()
      server.closeAllConnections()
    }, CLOSE_TIMEOUT)
    await closed
    clearTimeout(timer)
  }
  try {
    gateway = createGateway(configOf(secrets, options, port))
    await gateway.ready()
    gateway.attach(server)
    proxy.attach(server)
    nameLocalPages(server, options.host, originsOf(options.host, port))
  } catch (error) {
    await close()
    throw error
  }
  const isEverywhere = isEveryAddress(options.host)
  return {
    // No browser has to open 0.0.0.0 or [::], where the server listens then.
    url: originOf(isEverywhere ? 'localhost' : options.host, port),
    networkUrls: isEverywhere ? networkAddresses().map((address) => originOf(address, port)) : [],
    secrets,
    close,
  }
}

const ANYONE =
  'Warning: whoever reaches this machine over the network can be any user of these apps, and read and write as that user. Stop it when you have tried it.'

export const dev = async (options: DevOptions): Promise<void> => {
  const running = await startDev(options)
  untilSignal(() => running.close())
  console.log(`listening on ${running.url}`)
  console.log(`playground: ${running.url}/`)
  for (const url of running.networkUrls) console.log(`on a phone: ${url}/`)
  if (!isLoopback(options.host)) console.warn(ANYONE)
}
