import { findingsAbout, type Finding } from '../report.js'
import { below } from './http.js'
import { failureOf } from './network.js'
import { sendRequest, type WholeAnswer } from './request.js'

/** The most characters of a stream that are read: the gateway's first comment of 4 kB, and a few frames. */
const MAX_BODY = 65_536

const problemOf = ({ status, headers, body }: WholeAnswer): string | undefined => {
  const { 'content-type': type = '', 'content-encoding': encoding = '' } = headers
  if (status !== 200) return `POST /v1/session/stream is answered with ${status}: the proxy must pass it on`
  if (encoding !== '')
    return `the proxy compresses it (${encoding}), and may hold back frames: exclude text/event-stream`
  return type.startsWith('text/event-stream') && body.includes('data: {"type":"stream"')
    ? undefined
    : 'the answer to POST /v1/session/stream is not that of a gateway: the proxy must pass it on as it is'
}

/** Posts a start that no gateway accepts. Resolves when the stream has ended. */
const post = (url: URL, start: unknown, origin: string | undefined): Promise<WholeAnswer> => {
  const headers = {
    'content-type': 'text/plain;charset=UTF-8',
    // A browser sends this header, so a proxy may compress the answer.
    'accept-encoding': 'gzip, deflate, br',
    ...(origin !== undefined && { origin }),
  }
  const content = JSON.stringify(start)
  return sendRequest(url, { method: 'POST', headers, content, encoding: 'latin1', maxBody: MAX_BODY })
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
