import { VERSION } from '../../protocol/index.js'

/** Versions that have a label of their own. Clients send any text, and each label costs memory here and in Prometheus. */
const MAX_VERSIONS = 50

const PATTERN = /^[\w@.-]{1,24}(\/[\w@.-]{1,24}){0,2}$/

/** Returns a function that makes a label of the `client` that a start names. The first versions have their own, the others are `other`. */
export const createClientVersions = (): ((client: string | null) => string) => {
  const versions = new Set([`chat-session/${VERSION}`])
  return (client) => {
    if (client === null) return 'unknown'
    if (versions.has(client)) return client
    if (versions.size >= MAX_VERSIONS || !PATTERN.test(client)) return 'other'
    versions.add(client)
    return client
  }
}
