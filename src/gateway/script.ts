import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { VERSION } from '../protocol/index.js'

/** One file as it is served: its bytes as they are and compressed, by content coding. */
export interface Asset {
  type: string
  etag: string
  bodies: Readonly<Record<'identity' | 'gzip' | 'br', Uint8Array<ArrayBuffer>>>
}

const root = new URL('../../dist/cdn/', import.meta.url)

const load = async (name: string, type: string): Promise<Asset> => {
  const read = async (ending: string): Promise<Uint8Array<ArrayBuffer>> =>
    new Uint8Array(await readFile(new URL(name + ending, root)))
  const [identity, gzip, br] = await Promise.all([read(''), read('.gz'), read('.br')])
  const etag = createHash('sha256').update(identity).digest('base64url').slice(0, 22)
  return { type, etag, bodies: { identity, gzip, br } }
}

/** The script and its source map by the names they are served under; the versioned one never changes. */
export const loadScript = async (): Promise<ReadonlyMap<string, Asset>> => {
  const [script, map] = await Promise.all([
    load('chat-session.js', 'text/javascript; charset=utf-8'),
    load('chat-session.js.map', 'application/json'),
  ])
  return new Map([
    ['chat-session.js', script],
    [`chat-session-${VERSION}.js`, script],
    ['chat-session.js.map', map],
  ])
}
