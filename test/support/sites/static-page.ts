import { readdirSync, readFileSync } from 'node:fs'
import { tokenFor } from '../tokens.js'
import { APP, SECRET } from './shop-gateway.js'
import { startServer, type TestServer } from '../network/http-server.js'

/** Returns a token for a user of the shop's app. */
export const shopTokenFor = (userId: string): Promise<string> =>
  tokenFor(userId, { appId: APP, secret: SECRET })

const cdn = new URL('../../../dist/cdn/', import.meta.url)
/** The script and its parts, by path. */
const scripts = new Map(
  readdirSync(cdn)
    .filter((name) => name.endsWith('.js'))
    .map((name) => [`/${name}`, readFileSync(new URL(name, cdn))]),
)

/** An answer to one of the addresses of a page's own server. */
type Answer = { status: number; body?: string }

/**
 * Starts a page's own server. `/` is an HTML page with `body`, `/chat-session.js` is a copy of the script, with its parts beside it, and
 * `others` answers other paths.
 */
export const servePage = (
  body: string,
  others: (path: string) => Answer | Promise<Answer> = () => ({ status: 404 }),
): Promise<TestServer> =>
  startServer((request, response) => {
    const path = request.url ?? ''
    if (path === '/')
      return void response
        .setHeader('content-type', 'text/html; charset=utf-8')
        .end(`<!doctype html><title>A page</title><link rel="icon" href="data:,">${body}`)
    const script = scripts.get(path)
    if (script)
      return void response
        .setHeader('content-type', 'text/javascript; charset=utf-8')
        .setHeader('cache-control', 'max-age=300')
        .end(script)
    void Promise.resolve(others(path)).then(({ status, body = '' }) => response.writeHead(status).end(body))
  })

/** The script tag with the gateway's script: the element connects to that gateway. */
export const gatewayScript = (url: string): string =>
  `<script type="module" async src="${url}/v1/chat-session.js"></script>`

export const chatTag = (attributes: Record<string, string>): string =>
  `<chat-session ${Object.entries({ 'app-id': APP, ...attributes })
    .map(([name, value]) => `${name}="${value}"`)
    .join(' ')}></chat-session>`
