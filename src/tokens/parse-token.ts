import { base64url } from 'jose'
import type { JsonObject } from '../protocol/index.js'
import { MAX_JSON_DEPTH, object, parseJson } from '../protocol/internal.js'

export type ParsedToken = {
  text: string
  header: Readonly<JsonObject> & { readonly alg: string; readonly kid?: string }
  claims: JsonObject
  /** `header.payload`, the text that the signature signs. */
  signed: string
  signature: Uint8Array
}

type ParseResult = { ok: true; token: ParsedToken } | { ok: false; why: string }

/**
 * The most characters of a token. The largest profile fits, even with an RSA signature. An encoder that escapes everything but ASCII at
 * most triples the profile, and base64 adds a third.
 */
const MAX_LENGTH = 24_576

/**
 * Matches three parts of canonical base64url (RFC 4648, 3.5): without padding and blanks, and with zeros in the unused bits of a last
 * character. So each token has one spelling.
 */
const compact = (() => {
  const segment =
    '(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{4}|[A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])'
  return new RegExp(`^(${segment})\\.(${segment})\\.(${segment})$`)
})()

/**
 * Headers that carry a key, name the address of a key, or change how the token is read (RFC 8725, 3.10; RFC 7515, 4.1; RFC 7797). A backend
 * that vouches for its own users needs none of these headers.
 */
const refusedHeaders = ['crit', 'cty', 'b64', 'jwk', 'jku', 'x5u', 'x5c']

/**
 * Decodes a segment with Node's own decoder, where it exists, because jose's takes several times as long. Both decoders return the same
 * bytes for a segment that `compact` matches.
 */
const decodeSegment: (segment: string) => Uint8Array =
  typeof Buffer === 'function' ? (segment) => Buffer.from(segment, 'base64url') : base64url.decode

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Returns whether an object in `json` repeats a name. Such JSON is refused: two parsers may choose different members (RFC 8259, 4). */
const repeatsName = (json: string): boolean => {
  const open: Set<string>[] = []
  for (const [found, name] of json.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (name !== undefined) {
      const names = open.at(-1)
      const unescaped = JSON.parse(name) as string
      if (names?.has(unescaped)) return true
      names?.add(unescaped)
    } else if (found === '{' || found === '[') open.push(new Set())
    else if (found === '}' || found === ']') open.pop()
  }
  return false
}

const readObject = (segment: string): JsonObject | undefined => {
  let json: string
  let value: unknown
  try {
    json = decoder.decode(decodeSegment(segment))
    value = parseJson(json)
  } catch {
    return undefined
  }
  if (!object(value)) return undefined
  // `JSON.stringify` repeats no name. Most encoders write the same text as it does, so only a different text is searched for a repeated
  // name.
  if (JSON.stringify(value) !== json && repeatsName(json)) return undefined
  return value
}

const NO_OBJECT = `is not a JSON object, nested at most ${MAX_JSON_DEPTH} deep, in which every name is unique.`

const wrongHeader = (header: JsonObject): string | undefined => {
  if (refusedHeaders.some((name) => Object.hasOwn(header, name)))
    return `The token's header has one of ${refusedHeaders.join(', ')}.`
  const { alg, kid, typ } = header
  if (typeof alg !== 'string') return "The token's header has no 'alg'."
  if (kid !== undefined && typeof kid !== 'string') return "The 'kid' in the token's header is not text."
  if (typ !== undefined && (typeof typ !== 'string' || typ.toUpperCase() !== 'JWT'))
    return "The 'typ' in the token's header is not 'JWT'."
  return undefined
}

type Header = ParsedToken['header']

/** The latest valid header. The tokens of a backend usually have the same header, so most headers need no parsing. */
let latestHeader: { readonly segment: string; readonly header: Readonly<Header> } | undefined

/** Returns the header, or a sentence that says why it is refused. */
const readHeader = (segment: string): Readonly<Header> | string => {
  if (latestHeader?.segment === segment) return latestHeader.header
  const header = readObject(segment)
  if (!header) return `The token's header ${NO_OBJECT}`
  const wrong = wrongHeader(header)
  if (wrong !== undefined) return wrong
  latestHeader = { segment, header: Object.freeze(header as Header) }
  return latestHeader.header
}

const bad = (why: string) => ({ ok: false, why }) as const

/**
 * Parses a token without verifying it. `parseToken` is stricter than libraries that verify tokens: each token has one spelling and one
 * reading. `why` has no part of the token.
 */
export const parseToken = (text: unknown): ParseResult => {
  if (typeof text !== 'string') return bad('The token is not text.')
  if (text.length > MAX_LENGTH) return bad(`The token is longer than ${MAX_LENGTH} characters.`)
  const [, headerPart, claimsPart, signaturePart] = compact.exec(text) ?? []
  if (headerPart === undefined || claimsPart === undefined || signaturePart === undefined)
    return bad('The token is not three parts of canonical base64url.')
  const header = readHeader(headerPart)
  if (typeof header === 'string') return bad(header)
  const claims = readObject(claimsPart)
  if (!claims) return bad(`The token's payload ${NO_OBJECT}`)
  return {
    ok: true,
    token: {
      text,
      header,
      claims,
      signed: text.slice(0, -signaturePart.length - 1),
      signature: decodeSegment(signaturePart),
    },
  }
}
