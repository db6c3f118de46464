import { lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns'
import { Agent, request as httpsRequest } from 'node:https'
import type { LookupFunction, Socket } from 'node:net'
import { LRUCache } from 'lru-cache'
import { createConcurrencyLimit, type ConcurrencyLimit } from '../limits/concurrency-limit.js'
import { isPublicAddress } from '../limits/private-address.js'
import { failureOf, OutboundRequestError, sendRequest } from '../outbound/outbound-request.js'
import { proxyFor } from '../outbound/proxy.js'
import { isWildcard } from './subscription.js'

/** Milliseconds for a request, from its wait for a connection to the end of the answer. */
const TIMEOUT = 15_000
/** Bytes of an answer's body that are read, so that its connection can be used again. Nobody needs the body. */
const MAX_BODY = 65_536
/** The most connections to push services, the most to one of them, and how many milliseconds a connection without requests is kept. */
const MAX_SOCKETS = 256
const MAX_SOCKETS_OF_ONE = 128
const IDLE_TIMEOUT = 60_000
/** If a service has answered nothing for this share of the time-out, it gets no more than `MAX_UNANSWERED` requests at once. */
const SILENT_AFTER = 0.2
const MAX_UNANSWERED = 16
/**
 * The most connections to all those hosts below one listed `*.` name that have not answered yet. Any user can make up such hosts, and the
 * requests to them must not take the places of others.
 */
const MAX_SOCKETS_OF_STRANGERS = 16
/** How many services are remembered. Some have a host for each data centre. */
const MAX_SERVICES = 1_000

/** The network to which pushes go: the internet, whatever the config says. Only tests pass another one. */
export interface PushNetwork {
  lookup(
    host: string,
    options: LookupOptions & { all: true },
    done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
  ): void
  isPublic(address: string): boolean
  port: number
  /** Certificate authorities to trust in place of the runtime's. */
  ca?: string | Buffer
  timeout: number
}

export const internet: PushNetwork = {
  lookup: systemLookup,
  isPublic: isPublicAddress,
  port: 443,
  timeout: TIMEOUT,
}

/** The answer of a push service. A redirect is an answer, too, because it is not followed. */
export interface PushAnswer {
  status: number
  /** The `Retry-After` header. */
  retryAfter: string | undefined
}

/** The requests that share bounds: those to one host, or those to the hosts below a listed `*.` name that have not answered yet. */
interface Service {
  /** Bounds the requests that have a connection. */
  readonly limit: ConcurrencyLimit
  unanswered: number
  /** The time since which the service has answered no request; null if no request waits for an answer. */
  silentSince: number | null
}

class PrivateAddressError extends Error {}

/**
 * Returns the DNS look-up for sockets. It leaves out addresses that are not on the internet. The socket connects to an address that this
 * look-up has returned, so a later answer of the name server can't lead the request into a private network.
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

export type PushRequests = ReturnType<typeof createPushRequests>

type Headers = Readonly<Record<string, string | number>>

const unreachable = (why: string): OutboundRequestError => new OutboundRequestError('unreachable', why)

const silence = (): OutboundRequestError =>
  new OutboundRequestError('timeout', 'The push service answers no request.')

export const createPushRequests = (network: PushNetwork) => {
  const { port, ca, timeout } = network
  // The agent's own bounds are not used, because they count idle connections, too. Idle connections to two services could then block all
  // requests to a third.
  const agent = new Agent({ keepAlive: true, timeout: IDLE_TIMEOUT })
  const limit = createConcurrencyLimit(MAX_SOCKETS, Infinity)
  const lookup = publicLookup(network)
  const running = new Set<AbortController>()
  /** The services by their hosts, and the hosts that have not answered yet by their listed `*.` name. */
  const services = new LRUCache<string, Service>({ max: MAX_SERVICES })

  const serviceOf = (name: string, maxSockets: number): Service => {
    const known = services.get(name) ?? {
      limit: createConcurrencyLimit(maxSockets, Infinity),
      unanswered: 0,
      silentSince: null,
    }
    services.set(name, known)
    return known
  }

  /** Returns whether a service is silent. A further request to it would only wait, and delay the users of other services. */
  const isSilent = ({ unanswered, silentSince }: Service): boolean =>
    unanswered >= MAX_UNANSWERED &&
    silentSince !== null &&
    performance.now() - silentSince > SILENT_AFTER * timeout

  /** Closes an idle connection if there is no room for a further one. */
  const makeRoom = (): void => {
    const open = (sockets: NodeJS.ReadOnlyDict<Socket[]>): Socket[] =>
      Object.values(sockets).flatMap((each) => each?.filter(({ destroyed }) => !destroyed) ?? [])
    const idle = open(agent.freeSockets)
    if (open(agent.sockets).length + idle.length >= MAX_SOCKETS) idle[0]?.destroy()
  }

  const urlOf = ({ hostname, pathname, search }: URL): string =>
    `https://${hostname}:${port}${pathname}${search}`

  /** Sends a request through the environment's proxy, which looks up the address of the service. */
  const sendProxied = async (
    url: URL,
    headers: Headers,
    body: Buffer,
    signal: AbortSignal,
    onAnswer: (answer: PushAnswer) => void,
  ): Promise<void> => {
    const texts = Object.entries(headers).map(([name, value]) => [name, String(value)] as const)
    const { status, retryAfter } = await sendRequest(urlOf(url), {
      ...{ method: 'POST', headers: Object.fromEntries(texts), body: new Uint8Array(body) },
      ...{ timeout, maxBytes: MAX_BODY, signal },
    })
    onAnswer({ status, retryAfter })
  }

  /** Sends a request to an address of the internet. Resolves when the connection can be used again. Rejects if it is closed before that. */
  const sendDirect = (
    url: URL,
    headers: Headers,
    body: Buffer,
    signal: AbortSignal,
    onAnswer: (answer: PushAnswer) => void,
  ): Promise<void> =>
    new Promise((resolve, reject) => {
      makeRoom()
      const request = httpsRequest({
        ...{ agent, lookup, port, method: 'POST', hostname: url.hostname },
        path: `${url.pathname}${url.search}`,
        ...(ca !== undefined && { ca }),
        headers: { ...headers, 'user-agent': 'chat-session', 'content-length': body.length },
      })
      signal.addEventListener('abort', () => request.destroy())
      let isAnswered = false
      let why = unreachable('The connection was closed without an answer.')
      request.on('error', (error) => {
        why =
          error instanceof PrivateAddressError
            ? new OutboundRequestError('private-address', 'The host has no address on the internet.')
            : unreachable(`The request failed${failureOf(error)}.`)
      })
      // If an answer switches to another protocol, Node closes the connection, and emits neither a response nor an error.
      request.once('close', () => (isAnswered ? resolve() : reject(why)))
      request.on('response', (response) => {
        isAnswered = true
        onAnswer({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] })
        let bytes = 0
        // If the body is cut off, nothing changes, because the status has already said whether the push was accepted.
        response.on('error', () => undefined)
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes > MAX_BODY) request.destroy()
        })
      })
      request.end(body)
    })

  return {
    /**
     * Posts a body to a push service. `listed` is the name in `push.hosts` that allows the host. Rejects with an `OutboundRequestError` if
     * there is no answer.
     */
    post(url: URL, headers: Headers, body: Buffer, listed = url.host): Promise<PushAnswer> {
      const isStranger = isWildcard(listed) && !services.has(url.host)
      const service = isStranger
        ? serviceOf(listed, MAX_SOCKETS_OF_STRANGERS)
        : serviceOf(url.host, MAX_SOCKETS_OF_ONE)
      if (isSilent(service)) return Promise.reject(silence())
      const call = new AbortController()
      const { signal } = call
      const postedAt = performance.now()
      let hasBegun = false
      running.add(call)
      service.unanswered += 1
      service.silentSince ??= postedAt
      const timer = setTimeout(() => {
        // A host below a `*.` name that has become silent shares the bounds of those that have not answered.
        if (isWildcard(listed) && service.silentSince !== null && service.silentSince <= postedAt)
          services.delete(url.host)
        call.abort(new OutboundRequestError('timeout', `There was no answer within ${timeout} ms.`))
      }, timeout).unref()
      // The user whose push waits for a silent service would hold up other users.
      const turnTimer = setTimeout(
        () => {
          if (!hasBegun && isSilent(service)) call.abort(silence())
        },
        SILENT_AFTER * timeout + 1,
      ).unref()
      const end = (): void => {
        if (!running.delete(call)) return
        clearTimeout(timer)
        clearTimeout(turnTimer)
        service.unanswered -= 1
        if (service.unanswered === 0) service.silentSince = null
      }
      return new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason as OutboundRequestError)
          // A request that has not begun does not end by itself.
          if (!hasBegun) end()
        })
        const onAnswer = (answer: PushAnswer): void => {
          service.silentSince = performance.now()
          if (isStranger) serviceOf(url.host, MAX_SOCKETS_OF_ONE)
          resolve(answer)
        }
        const send = async (): Promise<void> => {
          if (signal.aborted) return
          hasBegun = true
          await (proxyFor(urlOf(url)) ? sendProxied : sendDirect)(url, headers, body, signal, onAnswer)
        }
        const sent = service.limit.run(async () => limit.run(send))
        sent?.catch(reject).finally(end)
      })
    },
    /** Ends all requests as `aborted`. */
    close(): void {
      for (const call of running) call.abort(new OutboundRequestError('aborted', 'The gateway is closing.'))
      agent.destroy()
    },
  }
}
