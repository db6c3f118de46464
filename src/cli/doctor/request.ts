import { request as requestHttp, type IncomingHttpHeaders } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import { TIMEOUT } from './network.js'

export interface WholeAnswer {
  status: number
  headers: IncomingHttpHeaders
  body: string
  /** When the request was sent and when the answer began, on this machine's clock. */
  sentAt: number
  answeredAt: number
}

interface Request {
  method?: 'GET' | 'POST'
  headers: Record<string, string>
  content?: string
  /** Finds the addresses to connect to. */
  lookup?: LookupFunction
  /** How the answer's body is read, and how many characters of it at most. */
  encoding: 'latin1' | 'utf8'
  maxBody: number
}

/**
 * Sends a request, without following redirects, and resolves when its answer has ended. Rejects if the answer is too large, or is not whole
 * after `TIMEOUT`. A bad certificate is no error here: it has a finding of its own.
 */
export const sendRequest = (
  url: URL,
  { headers, content, encoding, maxBody, ...options }: Request,
): Promise<WholeAnswer> =>
  new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestHttps : requestHttp
    const sentAt = Date.now()
    const outgoing = request(
      url,
      { ...options, headers: { ...headers, connection: 'close' }, rejectUnauthorized: false },
      (response) => {
        const answeredAt = Date.now()
        let body = ''
        response.setEncoding(encoding)
        response.on('data', (chunk: string) => {
          body += chunk
          if (body.length > maxBody) outgoing.destroy(new Error('the answer is too large'))
        })
        response.on('error', fail)
        response.once('end', () => {
          clearTimeout(timer)
          const { statusCode: status = 0, headers } = response
          resolve({ status, headers, body, sentAt, answeredAt })
        })
      },
    )
    const fail = (error: Error): void => {
      clearTimeout(timer)
      reject(error)
    }
    // The timer covers the whole answer, because a body may never end.
    const timer = setTimeout(() => outgoing.destroy(new Error('no whole answer in time')), TIMEOUT)
    outgoing.on('error', fail)
    outgoing.end(content)
  })
