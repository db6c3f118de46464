import { lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns'
import { Agent, request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import { isPublicAddress } from '../limits/private-address.js'
import { failureOf, OutboundRequestError } from '../outbound/outbound-request.js'

/** Milliseconds until an answer begins. */
const TIMEOUT = 15_000
/** Bytes of an answer's body that are read, so that its connection can be used again. Nobody needs the body. */
const MAX_BODY = 65_536
/** How many connections to push services there are at most, and how long one without requests is kept. */
const MAX_SOCKETS = 256
const IDLE_TIMEOUT = 60_000

/** The network that pushes go to. A test has one of its own; no config leads anywhere else than to the internet. */
export interface PushNetwork {
  lookup(
    host: string,
    options: LookupOptions & { all: true },
    done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
  ): void
  isPublic(address: string): boolean
  port: number
  /** Authorities to trust in place of the runtime's. */
  ca?: string | Buffer
  timeout: number
}

export const internet: PushNetwork = {
  lookup: systemLookup,
  isPublic: isPublicAddress,
  port: 443,
  timeout: TIMEOUT,
}

/** The answer of a push service. A redirect is one, since none is followed. */
export interface PushAnswer {
  status: number
  /** The `Retry-After` header. */
  retryAfter: string | undefined
}

/** Posts a body to a push service. Rejects with an `OutboundRequestError`. */
export interface PushRequests {
  post(url: URL, headers: Record<string, string | number>, body: Buffer): Promise<PushAnswer>
  /** Cuts all requests off. */
  close(): void
}

class PrivateAddressError extends Error {}

/**
 * Returns the look-up of a socket. It leaves out addresses that are not on the internet: the socket connects to what this very look-up has
 * returned, so that no later answer of a name server leads it elsewhere.
 */
const publicLookup =
  ({ lookup, isPublic }: PushNetwork): LookupFunction =>
  (host, options, done) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      const addresses = error ? [] : found.filter(({ address }) => isPublic(address))
      const [first] = addresses
      if (!first) return done(error ?? new PrivateAddressError(), '', 0)
      if (options.all) done(null, addresses)
      else done(null, first.address, first.family)
    })
  }

export const createPushRequests = (network: PushNetwork): PushRequests => {
  const { port, ca, timeout } = network
  const agent = new Agent({ keepAlive: true, maxTotalSockets: MAX_SOCKETS, timeout: IDLE_TIMEOUT })
  const lookup = publicLookup(network)
  const running = new Set<(error: OutboundRequestError) => void>()

  return {
    post: (url, headers, body) =>
      new Promise((resolve, reject) => {
        const request = httpsRequest({
          ...{
            agent,
            lookup,
            port,
            method: 'POST',
            hostname: url.hostname,
            path: `${url.pathname}${url.search}`,
          },
          ...(ca !== undefined && { ca }),
          headers: { ...headers, 'user-agent': 'chat-session', 'content-length': body.length },
        })
        const fail = (error: OutboundRequestError): void => {
          reject(error)
          request.destroy()
        }
        running.add(fail)
        const timer = setTimeout(
          () => fail(new OutboundRequestError('timeout', `There was no answer within ${timeout} ms.`)),
          timeout,
        ).unref()
        request.once('close', () => {
          clearTimeout(timer)
          running.delete(fail)
          // After an answer that switches to another protocol Node closes the connection, and emits neither a response nor an error.
          reject(new OutboundRequestError('unreachable', 'The connection was closed without an answer.'))
        })
        request.on('error', (error) =>
          fail(
            error instanceof PrivateAddressError
              ? new OutboundRequestError('private-address', 'The host has no address on the internet.')
              : new OutboundRequestError('unreachable', `The request failed${failureOf(error)}.`),
          ),
        )
        request.on('response', (response) => {
          resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] })
          let bytes = 0
          // A body that is cut off changes nothing: the status has said what came of the push.
          response.on('error', () => undefined)
          response.on('data', (chunk: Buffer) => {
            bytes += chunk.length
            if (bytes > MAX_BODY) request.destroy()
          })
        })
        request.end(body)
      }),
    close() {
      for (const fail of running) fail(new OutboundRequestError('aborted', 'The gateway is closing.'))
      agent.destroy()
    },
  }
}
