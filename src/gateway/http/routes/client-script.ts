import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { brotliDecompress, gzip } from 'node:zlib'
import { VERSION } from '../../../protocol/index.js'

type Bytes = Uint8Array<ArrayBuffer>

/** A served file. `bodies` has its bytes in each content coding. */
export interface Asset {
  type: string
  /** Whether the bytes under this name never change. */
  immutable: boolean
  etag: string
  /** The name of the script's source map. */
  map?: string
  bodies: Readonly<{ identity: Bytes; gzip?: Bytes; br?: Bytes }>
}

const root = new URL('../../../../dist/cdn/', import.meta.url)

const read = async (name: string): Promise<Bytes> => new Uint8Array(await readFile(new URL(name, root)))

const assetOf = (type: string, bodies: Asset['bodies'], immutable = false): Asset => ({
  type,
  immutable,
  etag: createHash('sha256').update(bodies.identity).digest('base64url').slice(0, 22),
  bodies,
})

const zip = async (bytes: Bytes): Promise<Bytes> => new Uint8Array(await promisify(gzip)(bytes, { level: 9 }))

const scriptOf = async (file: string, immutable: boolean): Promise<Asset> => {
  const [identity, br] = await Promise.all([read(file), read(`${file}.br`)])
  return assetOf('text/javascript; charset=utf-8', { identity, gzip: await zip(identity), br }, immutable)
}

/** The source maps of the package. The window's would make an install larger than 20 MB. */
const maps: ReadonlySet<string> = new Set(['chat-session.js.map', 'chat-session-worker.js.map'])

/**
 * Reads the scripts and their source maps. The keys of the result are the names under which they are served. A script with a version or a
 * hash in its name never changes. So that an install stays small, the package has no form that is made in milliseconds: gzip is made here,
 * and a source map is there as brotli alone.
 */
export const loadScripts = async (): Promise<ReadonlyMap<string, Asset>> => {
  const assets = new Map<string, Asset>()
  const integrity = JSON.parse(new TextDecoder().decode(await read('integrity.json'))) as Record<
    string,
    string
  >
  for (const file of [...Object.keys(integrity), 'chat-session-worker.js']) {
    // A part of the script has a hash in its name, and no map.
    const isPart = /^chat-(session|window)-[a-z]+-\w{8}\.js$/.test(file)
    const script = await scriptOf(file, isPart)
    if (isPart) {
      assets.set(file, script)
      continue
    }
    const map = `${file}.map`
    const versioned = file.replace(/\.js$/, `-${VERSION}.js`)
    if (maps.has(map)) {
      const br = await read(`${map}.br`)
      const identity = new Uint8Array(await promisify(brotliDecompress)(br))
      assets.set(map, assetOf('application/json', { identity, br }))
    }
    const asset = { ...script, ...(maps.has(map) && { map }) }
    assets.set(file, asset)
    assets.set(versioned, { ...asset, immutable: true })
  }
  return assets
}
