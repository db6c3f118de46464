import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { findingsAbout, type Finding } from '../report.js'
import { below } from './http.js'
import { failureOf, TIMEOUT } from './network.js'

/** The most characters of a stream that are read: the gateway's first comment of 4 kB, and a few frames. */
const MAX_BODY = 65_536

interface Answer {
  status: number
  type: string
  /** The content coding of the answer, which only a proxy can have added. */
  encoding: string
  body: string
}

/** Posts a start that no gateway accepts. Resolves when the stream has ended. */
const post = (url: URL, start: unknown, origin: string | undefined): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'text/plain;charset=UTF-8',
      // A browser sends this header, so a proxy may compress the answer.
      'accept-encoding': 'gzip, deflate, br',
      connection: 'close',
      ...(origin !== undefined && { origin }),
    }
    const request = url.protocol === 'https:' ? requestHttps : requestHttp
    const outgoing = request(url, { method: 'POST', headers, rejectUnauthorized: false }, (response) => {
      let body = ''
      response.setEncoding('latin1')
      response.on('data', (chunk: string) => {
        body += chunk
        if (body.length > MAX_BODY) outgoing.destroy(new Error('the answer is too large'))
      })
      response.on('error', fail)
      response.once('end', () => {
        clearTimeout(timer)
        const { 'content-type': type = '', 'content-encoding': encoding = '' } = response.headers
        resolve({ status: response.statusCode ?? 0, type, encoding, body })
      })
    })
    const fail = (error: Error): void => {
      clearTimeout(timer)
      reject(error)
    }
    const timer = setTimeout(() => outgoing.destroy(new Error('no whole answer in time')), TIMEOUT)
    outgoing.on('error', fail)
    outgoing.end(JSON.stringify(start))
  })

const problemOf = ({ status, type, encoding, body }: Answer): string | undefined => {
  if (status !== 200) return `POST /v1/session/stream is answered with ${status}: the proxy must pass it on`
  if (encoding !== '')
    return `the proxy compresses it (${encoding}), and may hold back frames: exclude text/event-stream`
  return type.startsWith('text/event-stream') && body.includes('data: {"type":"stream"')
    ? undefined
    : 'the answer to POST /v1/session/stream is not that of a gateway: the proxy must pass it on as it is'
}

/** Opens an event stream through the proxies in front of the gateway. In networks that block WebSockets sessions need event streams. */
export const checkStream = async (
  base: URL,
  { origin, appId }: { origin: string | undefined; appId: string | undefined },
): Promise<Finding> => {
  const finding = findingsAbout('stream')
  const start = { type: 'start', appId: appId ?? 'doctor', token: 'doctor' }
  const problem = await post(below(base, '/v1/session/stream'), start, origin).then(
    problemOf,
    (error: unknown) => `no answer to POST /v1/session/stream (${failureOf(error as Error)})`,
  )
  return problem === undefined
    ? finding.ok('an event stream opens, for networks that block WebSockets')
    : finding.warn(`no event stream for networks that block WebSockets: ${problem}`)
}
