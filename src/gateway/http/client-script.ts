import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { VERSION } from '../../protocol/index.js'

/** A served file: its bytes by content coding. */
export interface Asset {
  type: string
  etag: string
  bodies: Readonly<Record<'identity' | 'gzip' | 'br', Uint8Array<ArrayBuffer>>>
}

const root = new URL('../../../dist/cdn/', import.meta.url)

const load = async (name: string, type: string): Promise<Asset> => {
  const read = async (ending: string): Promise<Uint8Array<ArrayBuffer>> =>
    new Uint8Array(await readFile(new URL(name + ending, root)))
  const [identity, gzip, br] = await Promise.all([read(''), read('.gz'), read('.br')])
  const etag = createHash('sha256').update(identity).digest('base64url').slice(0, 22)
  return { type, etag, bodies: { identity, gzip, br } }
}

/** Reads the scripts and their source maps, by the names that they are served under. A versioned script never changes. */
export const loadScripts = async (): Promise<ReadonlyMap<string, Asset>> => {
  const assets = new Map<string, Asset>()
  for (const name of ['chat-session', 'chat-session-worker']) {
    const script = await load(`${name}.js`, 'text/javascript; charset=utf-8')
    assets.set(`${name}.js`, script)
    assets.set(`${name}-${VERSION}.js`, script)
    assets.set(`${name}.js.map`, await load(`${name}.js.map`, 'application/json'))
  }
  return assets
}
