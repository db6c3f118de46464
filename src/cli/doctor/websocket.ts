import { WebSocket } from 'ws'
import { SUBPROTOCOL } from '../../protocol/index.js'
import { parseObject } from '../../protocol/internal.js'
import { findingsAbout, type Finding } from '../report.js'
import { below } from './http.js'
import { failureOf, TIMEOUT } from './network.js'

/** How an attempt to open a WebSocket ended. */
type Opened =
  | { outcome: 'open'; ended: Record<string, unknown> }
  | { outcome: 'answer'; status: number }
  | { outcome: 'error'; why: string }

interface Attempt {
  origin: string | undefined
  appId: string
  headers?: Record<string, string>
}

/** Opens a WebSocket, and sends a `start` frame that no gateway accepts. Resolves with what happened. */
const open = (base: URL, { origin, appId, headers = {} }: Attempt): Promise<Opened> =>
  new Promise((resolve) => {
    const url = below(base, '/v1/session')
    url.protocol = url.protocol.replace('http', 'ws')
    const socket = new WebSocket(url, SUBPROTOCOL, {
      headers,
      handshakeTimeout: TIMEOUT,
      rejectUnauthorized: false,
      maxPayload: 65_536,
      ...(origin !== undefined && { origin }),
    })
    const finish = (opened: Opened): void => {
      clearTimeout(timer)
      resolve(opened)
      socket.terminate()
    }
    const timer = setTimeout(() => finish({ outcome: 'error', why: 'no answer in time' }), 2 * TIMEOUT)
    socket.once('unexpected-response', (_, { statusCode = 0 }) =>
      finish({ outcome: 'answer', status: statusCode }),
    )
    socket.on('error', (error) => finish({ outcome: 'error', why: failureOf(error) }))
    socket.once('open', () => socket.send(JSON.stringify({ type: 'start', appId, token: 'doctor' })))
    socket.on('message', (data: Buffer) => {
      const frame = parseObject(data.toString()) ?? {}
      if (frame['type'] === 'ended') finish({ outcome: 'open', ended: frame })
    })
    socket.once('close', (code) => finish({ outcome: 'error', why: `closed with ${code} before a frame` }))
  })

const explainUpgrade = (opened: Exclude<Opened, { outcome: 'open' }>): string => {
  if (opened.outcome === 'error')
    return `no WebSocket (${opened.why}): the proxy must pass on Upgrade, Connection and Sec-WebSocket-Protocol`
  return opened.status === 426
    ? 'the upgrade arrives as a plain request (426): the proxy must pass on the headers Upgrade and Connection'
    : `the upgrade is answered with ${opened.status}: the proxy must pass on WebSockets for /v1/session`
}

/** The sizes of a header to try, in bytes, the largest first. The gateway accepts 32 kB of headers in all. */
const HEADER_SIZES = [30_000, 15_000, 7_000] as const

/** Finds out how large headers may be. A handshake has the site's cookies, and up to 4 kB for the `start` frame. */
const checkHeaders = async (base: URL, attempt: Attempt): Promise<Finding> => {
  const finding = findingsAbout('headers')
  for (const size of HEADER_SIZES) {
    const opened = await open(base, { ...attempt, headers: { 'x-padding': 'x'.repeat(size) } })
    if (opened.outcome !== 'open') continue
    return size === HEADER_SIZES[0]
      ? finding.ok('32 kB of headers pass')
      : finding.warn(
          `headers of ${size / 1_000} kB pass, and of 30 kB do not: a start and large cookies may not fit (nginx: large_client_header_buffers 4 32k; Node: maxHeaderSize)`,
        )
  }
  return finding.fail(
    'headers of 7 kB do not pass, and the start of a session is one of 4 kB: allow 32 kB (nginx: large_client_header_buffers 4 32k)',
  )
}

/**
 * Reads from the answer to a `start` frame whether the app exists and accepts the origin. The gateway checks the origin before the token,
 * so `unauthenticated` means that the app accepts the origin.
 */
const judgeStart = (code: unknown, { origin, appId }: Attempt): Finding => {
  const finding = findingsAbout(origin === undefined ? 'app' : 'origin')
  if (code === 'unknown-app')
    return findingsAbout('app').fail(`the gateway has no app ${appId}: add it to its config`)
  if (code === 'origin-refused')
    return finding.fail(`the app ${appId} refuses pages of ${origin}: add it to the app's origins`)
  if (code === 'unauthenticated')
    return finding.ok(
      origin === undefined ? `the gateway has the app ${appId}` : `the app ${appId} takes pages of ${origin}`,
    )
  return finding.warn(`can't be checked now: the gateway answers ${String(code)}`)
}

/** Opens WebSockets through the proxies in front of the gateway. */
export const checkWebSocket = async (
  base: URL,
  { origin, appId }: { origin: string | undefined; appId: string | undefined },
): Promise<Finding[]> => {
  const attempt: Attempt = { origin, appId: appId ?? 'doctor' }
  const opened = await open(base, attempt)
  const upgrade = findingsAbout('upgrade')
  if (opened.outcome !== 'open') return [upgrade.fail(explainUpgrade(opened))]
  return [
    upgrade.ok('a WebSocket opens, and frames pass in both directions'),
    await checkHeaders(base, attempt),
    ...(appId === undefined ? [] : [judgeStart(opened.ended['code'], attempt)]),
  ]
}
