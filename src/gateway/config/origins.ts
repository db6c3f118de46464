import * as v from 'valibot'
import { listOf } from './fields.js'

const SHAPE = 'must be an origin as a browser sends it, such as https://www.example.com'

/**
 * Returns what is wrong with an origin. The gateway compares origins byte for byte, so an origin in another spelling would match no page,
 * without any error.
 */
const originProblem = (origin: string): string | undefined => {
  if (origin === 'null') return 'cannot be null: browsers send null for every sandboxed page and local file'
  if (origin.includes('*')) return 'wildcards are not supported: list every origin'
  const [, scheme, host, rest] = /^([^:/?#]+):\/\/([^/?#\s]+)(.*)$/s.exec(origin) ?? []
  if (scheme === undefined || host === undefined) return SHAPE
  if (rest === '/') return 'leave out the trailing slash: a browser sends none'
  if (rest) return 'leave out the path: an origin ends after host and port'
  if (host.includes('@')) return 'leave out user and password: a browser sends none'
  if (/^wss?$/i.test(scheme)) return 'must be the origin of the page (https or http), not of the gateway'
  if (/^https?$/i.test(scheme)) {
    if (!URL.canParse(origin)) return SHAPE
    if (new URL(origin).origin === origin) return undefined
    return 'is not written as a browser sends it: lower case, punycode, no default port (see `new URL(…).origin`)'
  }
  // Pages of browser extensions and native shells have other schemes: chrome-extension://…, capacitor://localhost.
  return /^[a-z][a-z0-9+.-]*$/.test(scheme) && /^[a-z0-9._-]+(:\d{1,5})?$/.test(host) ? undefined : SHAPE
}

/** Returns whether `origins` of a config may have this origin. */
export const isOrigin = (origin: string): boolean => originProblem(origin) === undefined

const origin = v.pipe(
  v.string(SHAPE),
  v.rawCheck(({ dataset, addIssue }) => {
    const message = dataset.typed ? originProblem(dataset.value) : undefined
    if (message !== undefined) addIssue({ message })
  }),
)

export const originList = listOf(
  origin,
  'must be a list of one or more origins; leave it out in a test app to allow any origin',
)
