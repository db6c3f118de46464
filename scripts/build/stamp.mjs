// Says whether dist/ is what the last build made of the sources as they are. Each command builds first, and most find nothing to do.
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'

/** What a build reads, besides the installed packages, which package-lock.json names. */
const SOURCES = [
  'src',
  'scripts/build',
  'index.html',
  'rollup.config.mjs',
  'tsconfig.json',
  'package.json',
  'package-lock.json',
]
/** `npm ci` deletes it with the packages. */
const STAMP = 'node_modules/.cache/chat-session/build.json'

/** Returns the files at `path`, which is a file or a folder. */
const filesAt = async (path) => {
  if ((await stat(path)).isFile()) return [path]
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort()
}

/** Returns the hash of each source by its path, and the version of Node. */
export const hashSources = async (root) => {
  const hashes = { node: process.version }
  for (const source of SOURCES)
    for (const file of await filesAt(join(root, source)))
      hashes[relative(root, file)] = createHash('sha256')
        .update(await readFile(file))
        .digest('base64')
  return hashes
}

/** Returns what changes if a file is written again. */
const markOf = async (file) => {
  const { size, mtimeMs } = await stat(file)
  return `${size} ${mtimeMs}`
}

/** Notes that dist/ below `root` is built of sources with these hashes, which were read before the build: one may have changed since. */
export const stamp = async (root, sources) => {
  const dist = join(root, 'dist')
  const outputs = {}
  // tsc alone reads its notes, and `npm run types` writes them.
  for (const file of (await filesAt(dist)).filter((path) => !path.endsWith('.tsbuildinfo')))
    outputs[file.slice(dist.length + 1)] = await markOf(file)
  const file = join(root, STAMP)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, JSON.stringify({ sources, outputs }))
}

/**
 * Returns what a build of sources with these hashes has to make: 'nothing', 'changes' if files of src/ have changed or are new since `stamp`,
 * or 'all'. tsc makes what has changed, but it restores no module that is lost or was edited in dist/, and deletes none whose source is gone.
 */
export const remaining = async (root, now) => {
  const isMissing = ({ code }) => {
    if (code === 'ENOENT') return undefined
    throw new Error(`Can't read what the last build noted: ${code}`)
  }
  const text = await readFile(join(root, STAMP), 'utf8').catch(isMissing)
  if (text === undefined) return 'all'
  const { sources, outputs } = JSON.parse(text)
  for (const [file, mark] of Object.entries(outputs))
    if ((await markOf(join(root, 'dist', file)).catch(isMissing)) !== mark) return 'all'
  const changed = Object.keys({ ...sources, ...now }).filter((file) => sources[file] !== now[file])
  if (changed.length === 0) return 'nothing'
  return changed.every((file) => file.startsWith('src/') && file in now) ? 'changes' : 'all'
}
