import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { VERSION } from '../../protocol/index.js'

type Bytes = Uint8Array<ArrayBuffer>

/** A served file: its bytes by content coding. */
export interface Asset {
  type: string
  etag: string
  bodies: Readonly<{ identity: Bytes; gzip?: Bytes; br?: Bytes }>
}

const root = new URL('../../../dist/cdn/', import.meta.url)

const read = async (name: string): Promise<Bytes> => new Uint8Array(await readFile(new URL(name, root)))

const assetOf = (type: string, bodies: Asset['bodies']): Asset => ({
  type,
  etag: createHash('sha256').update(bodies.identity).digest('base64url').slice(0, 22),
  bodies,
})

/**
 * Reads the scripts and their source maps, by the names that they are served under. A versioned script never changes. Only scripts are
 * compressed: browsers fetch a map when their developer tools are open, and its compressed forms would be a part of each installed package.
 */
export const loadScripts = async (): Promise<ReadonlyMap<string, Asset>> => {
  const assets = new Map<string, Asset>()
  for (const name of ['chat-session', 'chat-session-worker']) {
    const file = `${name}.js`
    const [identity, gzip, br, map] = await Promise.all([
      read(file),
      read(`${file}.gz`),
      read(`${file}.br`),
      read(`${file}.map`),
    ])
    const script = assetOf('text/javascript; charset=utf-8', { identity, gzip, br })
    assets.set(file, script)
    assets.set(`${name}-${VERSION}.js`, script)
    assets.set(`${file}.map`, assetOf('application/json', { identity: map }))
  }
  return assets
}
