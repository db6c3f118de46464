// Lets tests in a browser run real gateways: each `gateway:start` starts a gateway in this process, on a port of its own.
import { createServer } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import { createGateway, createLog } from '../../../dist/gateway/index.js'
import { startScripted } from './scripted-gateway.mjs'

const host = '127.0.0.1'

export const gatewayPlugin = () => {
  const gateways = new Map()
  const scripted = new Map()

  const commands = {
    /**
     * Starts a gateway with `config` over the defaults, on `port` or a free port. Returns its address. With `authParams` its
     * apps accept a start with any of these.
     */
    'gateway:start': async ({ config, port = 0, authParams = [] }) => {
      const authenticate = async (request) => ({
        ok: authParams.some((accepted) => isDeepStrictEqual(accepted, request.authParams)),
      })
      const apps = Object.entries(config.apps).map(([id, app]) => [
        id,
        authParams.length ? { ...app, authenticate } : app,
      ])
      const gateway = createGateway(
        { engine: { type: 'memory' }, ...config, apps: Object.fromEntries(apps) },
        { env: {}, log: createLog({ level: 'fatal' }) },
      )
      const server = createServer({ maxHeaderSize: 32_768 })
      gateway.attach(server)
      await gateway.ready()
      await new Promise((resolve) => server.listen(port, host, resolve))
      const sockets = new Set()
      const url = `http://${host}:${server.address().port}`
      // A client may still come while the gateway closes, and is no longer in `gateways`.
      const started = { gateway, server, sockets, total: 0 }
      gateways.set(url, started)
      server.on('upgrade', (_, socket) => {
        started.total += 1
        sockets.add(socket)
        socket.on('close', () => sockets.delete(socket))
      })
      return url
    },
    /** Closes the gateway at `url`, if there is one, and frees its port. */
    'gateway:stop': async (url) => {
      const { gateway, server } = gateways.get(url) ?? {}
      if (!gateways.delete(url)) return false
      await gateway.close()
      await new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      })
      return true
    },
    /** Returns how many connections are open, and how many there were in all. */
    'gateway:connections': (url) => {
      const { sockets = new Set(), total = 0 } = gateways.get(url) ?? {}
      return { open: sockets.size, total }
    },
    /** Starts a gateway that records the frames of clients. Returns its address. */
    'scripted:start': async () => {
      const server = await startScripted()
      scripted.set(server.url, server)
      return server.url
    },
    'scripted:connections': (url) => scripted.get(url)?.connections ?? [],
    /** From now on it does not answer `history` frames. */
    'scripted:mute': (url) => scripted.get(url)?.setMute() ?? false,
    /** Ends every connection with a code. */
    'scripted:end': ({ url, code, close }) => {
      scripted.get(url)?.end({ code, message: 'Over.', retryable: false }, close)
      return true
    },
    /** Cuts every connection without a close frame. */
    'scripted:cut': (url) => {
      scripted.get(url)?.cut()
      return true
    },
    'scripted:stop': async (url) => {
      await scripted.get(url)?.close()
      return scripted.delete(url)
    },
    /** Cuts every connection without a close frame. */
    'gateway:cut': (url) => {
      for (const socket of gateways.get(url)?.sockets ?? []) socket.destroy()
      return true
    },
  }

  return {
    name: 'gateway',
    executeCommand: ({ command, payload }) => commands[command]?.(payload),
    serverStop: () =>
      Promise.all([
        ...[...gateways.keys()].map(commands['gateway:stop']),
        ...[...scripted.keys()].map(commands['scripted:stop']),
      ]),
    /** `/backend/token` returns the token in `value`, `/page` the page in `html`. */
    serve: ({ path, query }) => {
      if (path === '/backend/token') return { body: query.value ?? '', type: 'text' }
      return path === '/page' ? { body: query.html ?? '', type: 'html' } : undefined
    },
  }
}
