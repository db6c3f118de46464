import { request as requestHttp, type IncomingHttpHeaders } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import { VERSION } from '../../protocol/index.js'
import { parseObject } from '../../protocol/internal.js'
import { findingsAbout, type Finding } from '../report.js'
import { failureOf, TIMEOUT } from './network.js'

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
  /** Milliseconds by which the server's clock is ahead of this machine's, accurate to about a second; null without a `Date` header. */
  clockDifference: number | null
}

/** The most characters of a body that are read. */
const MAX_BODY = 2_000_000

/**
 * Requests a URL without following redirects. Resolves when the whole answer has come. `lookup` replaces the DNS lookup. Rejects if the
 * answer is too large, or is not complete after `TIMEOUT`. A bad certificate is no error here: `checkTls` reports it.
 */
export const get = (
  url: URL,
  headers: Record<string, string> = {},
  lookup?: LookupFunction,
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestHttps : requestHttp
    const sentAt = Date.now()
    const options = {
      headers: { connection: 'close', ...headers },
      rejectUnauthorized: false,
      ...(lookup && { lookup }),
    }
    const outgoing = request(url, options, (response) => {
      const { statusCode: status = 0, headers } = response
      const date = Date.parse(headers.date ?? '')
      // The server wrote the `Date` header about halfway between the request and the answer. The header has whole seconds, so on
      // average it lacks 500 ms.
      const clockDifference = Number.isNaN(date) ? null : date + 500 - (sentAt + Date.now()) / 2
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body += chunk
        if (body.length > MAX_BODY) outgoing.destroy(new Error('the answer is too large'))
      })
      response.on('error', fail)
      response.once('end', () => {
        clearTimeout(timer)
        resolve({ status, headers, body, clockDifference })
      })
    })
    const fail = (error: Error): void => {
      clearTimeout(timer)
      reject(error)
    }
    // The timer covers the whole answer, because a body may never end.
    const timer = setTimeout(() => outgoing.destroy(new Error('no whole answer in time')), TIMEOUT)
    outgoing.on('error', fail)
    outgoing.end()
  })

const explainStatus = ({ status, headers }: Answer): string => {
  if (status >= 300 && status < 400) return `redirects to ${headers.location}: use that URL`
  if ([502, 503, 504].includes(status))
    return `answers ${status}: the proxy can't reach the gateway; is it running, and at the address that the proxy has?`
  return `answers ${status}, but not as a gateway: pass this path to the gateway`
}

const checkClock = ({ clockDifference }: Answer): Finding => {
  const clock = findingsAbout('clock')
  if (clockDifference === null) return clock.warn('the answer has no Date header')
  const seconds = Math.round(clockDifference / 1_000)
  const distance = `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} this machine's`
  // A token whose `iat` is more than 30 s ahead is refused.
  if (Math.abs(seconds) > 30) return clock.fail(`the server's clock is ${distance}: set both clocks by NTP`)
  return Math.abs(seconds) > 5
    ? clock.warn(`the server's clock is ${distance}: set both clocks by NTP`)
    : clock.ok(`the server's clock agrees with this machine's`)
}

const checkVersion = (version: unknown): Finding => {
  const finding = findingsAbout('version')
  return version === VERSION
    ? finding.ok(`the gateway has version ${VERSION}`)
    : finding.warn(`the gateway has version ${String(version)}, and this command ${VERSION}: use the same`)
}

/** Returns the URL of a path of the gateway. The gateway itself may be served below a path. */
export const below = (base: URL, path: string): URL => {
  const url = new URL(base)
  url.pathname = url.pathname.replace(/\/*$/, path)
  return url
}

/** Returns why a request has no answer with the status 200; undefined if it has one. */
const problemOf = (answer: Answer | Error): string | undefined => {
  if (answer instanceof Error) return `doesn't answer (${failureOf(answer)})`
  return answer.status === 200 ? undefined : explainStatus(answer)
}

/** Requests a URL as `get` does. If the request fails, resolves with the error. */
const tryGet = (url: URL, headers?: Record<string, string>): Promise<Answer | Error> =>
  get(url, headers).catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))))

const checkReady = (ready: Answer | Error): Finding => {
  const finding = findingsAbout('ready')
  if (!(ready instanceof Error) && ready.status === 200) return finding.ok('the gateway takes sessions')
  const answer = ready instanceof Error ? `doesn't answer, ${failureOf(ready)}` : `answers ${ready.status}`
  return finding.fail(`the gateway takes no session (/readyz ${answer}): its log says why`)
}

/** Seconds for which most proxies keep idle connections. */
const PROXY_KEEP_ALIVE = 60

/**
 * Checks for how long the server keeps idle connections. Node's `http` says so in a header, which no proxy passes on. So behind a proxy, and
 * on Bun, there is no finding.
 */
const checkKeepAlive = ({ headers }: Answer): Finding[] => {
  const seconds = /timeout=(\d+)/.exec(String(headers['keep-alive']))?.[1]
  if (seconds === undefined) return []
  const finding = findingsAbout('keep-alive')
  return [
    Number(seconds) > PROXY_KEEP_ALIVE
      ? finding.ok(`idle connections stay open for ${seconds} s, longer than most proxies keep them`)
      : finding.warn(
          `idle connections are closed after ${seconds} s: requests through a proxy that keeps them for longer are 502; set the server's keepAliveTimeout to 620_000`,
        ),
  ]
}

/** Compares the script with that of the gateway's version, because a cache in front of the gateway may serve an older script. */
const checkScript = async (base: URL, version: unknown): Promise<Finding> => {
  const finding = findingsAbout('script')
  const script = await tryGet(below(base, '/v1/chat-session.js'))
  const versioned = await tryGet(below(base, `/v1/chat-session-${String(version)}.js`))
  const problem = problemOf(script) ?? problemOf(versioned)
  if (problem !== undefined || script instanceof Error || versioned instanceof Error)
    return finding.warn(`/v1/chat-session.js ${problem}`)
  return script.body === versioned.body
    ? finding.ok(`/v1/chat-session.js is served, of the gateway's version`)
    : finding.warn(
        '/v1/chat-session.js is of another version than the gateway: a cache in front keeps it for too long',
      )
}

/** Checks the gateway's answers to HTTP requests. `reached`: the server is a gateway. */
export const checkHttp = async (base: URL): Promise<{ findings: Finding[]; reached: boolean }> => {
  const http = findingsAbout('http')
  const health = await tryGet(below(base, '/healthz'), { connection: 'keep-alive' })
  if (health instanceof Error) {
    const text = `no answer to /healthz (${failureOf(health)}): does this port speak ${base.protocol.slice(0, -1)}?`
    return { findings: [http.fail(text)], reached: false }
  }
  const { status, version } = parseObject(health.body) ?? {}
  if (health.status !== 200 || status !== 'ok')
    return { findings: [http.fail(`/healthz ${explainStatus(health)}`), checkClock(health)], reached: false }
  const ready = await tryGet(below(base, '/readyz'))
  return {
    findings: [
      http.ok('/healthz answers'),
      ...checkKeepAlive(health),
      checkReady(ready),
      checkVersion(version),
      await checkScript(base, version),
      checkClock(health),
    ],
    reached: true,
  }
}
