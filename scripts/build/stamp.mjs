// Says whether dist/ is what the last build made of the sources as they are. Each command builds first, and most find nothing to do.
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

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

const sourcesHash = async (root) => {
  const hash = createHash('sha256').update(process.version)
  for (const source of SOURCES)
    for (const file of await filesAt(join(root, source))) {
      const bytes = await readFile(file)
      hash.update(`\n${file.slice(root.length)} ${bytes.length}\n`).update(bytes)
    }
  return hash.digest('hex')
}

/** Returns what changes if a file is written again. */
const markOf = async (file) => {
  const { size, mtimeMs } = await stat(file)
  return `${size} ${mtimeMs}`
}

/** Notes that dist/ below `root` is built of these sources. */
export const stamp = async (root) => {
  const dist = join(root, 'dist')
  const outputs = {}
  for (const file of await filesAt(dist)) outputs[file.slice(dist.length + 1)] = await markOf(file)
  const file = join(root, STAMP)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, JSON.stringify({ sources: await sourcesHash(root), outputs }))
}

/** Returns whether no source and no file of dist/ has changed since `stamp`. */
export const isUpToDate = async (root) => {
  const isMissing = ({ code }) => {
    if (code === 'ENOENT') return undefined
    throw new Error(`Can't read what the last build noted: ${code}`)
  }
  const text = await readFile(join(root, STAMP), 'utf8').catch(isMissing)
  if (text === undefined) return false
  const { sources, outputs } = JSON.parse(text)
  if (sources !== (await sourcesHash(root))) return false
  for (const [file, mark] of Object.entries(outputs))
    if ((await markOf(join(root, 'dist', file)).catch(isMissing)) !== mark) return false
  return true
}
