import { request as requestHttp, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseObject } from '../../protocol/internal.js'
import { findingsAbout, type Finding } from '../report.js'
import { below } from './http.js'
import { failureOf, TIMEOUT } from './network.js'

/** The most characters of a stream that are read. The gateway's first comment has 4 kB, and the few frames are short. */
const MAX_BODY = 65_536

/**
 * Milliseconds in which the first event of a stream must come. A client waits for eight seconds. A gateway ends a stream without a `start`
 * frame after `startTimeout`, by default ten seconds. This time must be shorter than both.
 */
const FIRST_EVENT_TIMEOUT = 5_000

interface Target {
  base: URL
  origin: string | undefined
}

/** Posts a body with the headers that a page sends. */
const post = ({ base, origin }: Target, path: string, body: unknown): ClientRequest => {
  const url = below(base, path)
  const headers = {
    'content-type': 'text/plain;charset=UTF-8',
    // Browsers send this header. Without it this check would miss a proxy that compresses the answer.
    'accept-encoding': 'gzip, deflate, br',
    connection: 'close',
    ...(origin !== undefined && { origin }),
  }
  const request = url.protocol === 'https:' ? requestHttps : requestHttp
  const outgoing = request(url, { method: 'POST', headers, rejectUnauthorized: false })
  outgoing.end(JSON.stringify(body))
  return outgoing
}

const untilResponse = (outgoing: ClientRequest, time: number): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => outgoing.destroy(new Error('no answer in time')), time)
    outgoing.once('response', (response) => {
      clearTimeout(timer)
      resolve(response)
    })
    outgoing.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
  })

/** Yields the frames of a stream. If a proxy cuts the stream, that counts as its end. */
async function* framesOf(response: IncomingMessage): AsyncGenerator<Record<string, unknown>, undefined> {
  let length = 0
  response.setEncoding('latin1')
  response.on('data', (chunk: string) => {
    length += chunk.length
    if (length > MAX_BODY) response.destroy()
  })
  const lines = createInterface({ input: response })
  response.on('error', () => undefined).once('close', () => lines.close())
  for await (const line of lines)
    if (line.startsWith('data: ')) yield parseObject(line.slice('data: '.length)) ?? {}
}

const NO_GATEWAY =
  'the answer to POST /v1/session/stream is not that of a gateway: the proxy must pass it on as it is'
const BUFFERED = `its first event does not come within ${FIRST_EVENT_TIMEOUT / 1_000} s while it is open, so the proxy holds it back: switch its buffer off for /v1/session/stream (nginx: proxy_buffering off)`

/** Returns what is wrong with the status and headers of the answer; undefined if they are those of a stream. */
const problemOf = ({ statusCode, headers }: IncomingMessage): string | undefined => {
  const { 'content-type': type = '', 'content-encoding': encoding = '' } = headers
  if (statusCode !== 200)
    return `POST /v1/session/stream is answered with ${statusCode}: the proxy must pass it on`
  if (encoding !== '')
    return `the proxy compresses it (${encoding}), and may hold back frames: exclude text/event-stream`
  return type.startsWith('text/event-stream') ? undefined : NO_GATEWAY
}

/** The milliseconds until the first event, or a problem. */
type Outcome = { time: number } | { problem: string }

/** Opens a stream without a `start` frame, so that it stays open. Then posts a `start` frame that no gateway accepts. */
const tryStream = async (target: Target, appId: string): Promise<Outcome> => {
  const begin = performance.now()
  const stream = post(target, '/v1/session/stream', { type: 'pong' })
  try {
    const response = await untilResponse(stream, FIRST_EVENT_TIMEOUT).catch((error: unknown) => {
      // A proxy that waits for the end of an answer does not even pass on the headers until then. Undefined leads to `BUFFERED`.
      if (performance.now() - begin >= FIRST_EVENT_TIMEOUT) return undefined
      throw error
    })
    const problem = response && problemOf(response)
    if (problem !== undefined) return { problem }
    const frames = response && framesOf(response)
    const nextFrame = async (time: number) =>
      (await Promise.race([frames?.next(), sleep(time, undefined, { ref: false })]))?.value
    const first = await nextFrame(Math.max(1, begin + FIRST_EVENT_TIMEOUT - performance.now()))
    if (!first) return { problem: response?.readableEnded || response?.destroyed ? NO_GATEWAY : BUFFERED }
    if (first['type'] !== 'stream') return { problem: NO_GATEWAY }
    const time = Math.round(performance.now() - begin)
    const start = { type: 'start', appId, token: 'doctor' }
    const posted = post(target, '/v1/session/frames', { stream: first['id'], seq: 1, frames: [start] })
    const { statusCode } = await untilResponse(posted, TIMEOUT)
    posted.destroy()
    if (statusCode !== 204)
      return {
        problem: `POST /v1/session/frames is answered with ${statusCode}: the proxy must pass it on`,
      }
    const answer = await nextFrame(TIMEOUT)
    return answer?.['type'] === 'ended'
      ? { time }
      : { problem: 'what is posted to /v1/session/frames is not answered by the stream' }
  } finally {
    stream.destroy()
  }
}

/** Opens an event stream through the proxies in front of the gateway. Sessions need event streams where networks block WebSockets. */
export const checkStream = async (
  base: URL,
  { origin, appId }: { origin: string | undefined; appId: string | undefined },
): Promise<Finding> => {
  const finding = findingsAbout('stream')
  const outcome = await tryStream({ base, origin }, appId ?? 'doctor').catch((error: unknown): Outcome => ({
    problem: `no answer to POST /v1/session/stream or /v1/session/frames (${failureOf(error)})`,
  }))
  return 'time' in outcome
    ? finding.ok(
        `an event stream opens, for networks that block WebSockets: its first event came after ${outcome.time} ms, and a post is answered by it`,
      )
    : finding.warn(`no event stream for networks that block WebSockets: ${outcome.problem}`)
}
