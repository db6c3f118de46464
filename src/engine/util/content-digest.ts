import { sha256 } from '../../util/hash.js'

/** The content of a message. */
export interface Content {
  body?: string | undefined
  data?: object | undefined
}

/**
 * If a message has no data, the text for its digest is this character and the body, without any JSON. The text for other messages begins
 * with `[`.
 */
const BODY = '"'

const sorted = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value

/**
 * Returns the text for a content's digest. Different contents have different texts. The order of an object's fields makes no difference.
 */
const canonicalOf = ({ body, data }: Content): string =>
  data === undefined && body !== undefined ? BODY + body : JSON.stringify([body, data], sorted)

/** Returns the digest of a message's content. */
export const contentDigest = (content: Content): string => sha256(canonicalOf(content))

/**
 * As `contentDigest`, but if the text for the digest has at most `maxLength` characters, returns that text itself. No digest equals such a
 * text, because no digest begins with `BODY` or `[`.
 */
export const shortContentOrDigest = (content: Content, maxLength: number): string => {
  const text = canonicalOf(content)
  return text.length > maxLength ? sha256(text) : text
}
