import { sha256 } from './sha256.js'

/** A hash of a message's content. The order of an object's fields makes no difference. */
export const contentDigest = ({
  body,
  data,
}: {
  body?: string | undefined
  data?: object | undefined
}): string => {
  const sorted = (_key: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value
  const canonical = data === undefined ? JSON.stringify([body]) : JSON.stringify([body, data], sorted)
  return sha256(canonical)
}
