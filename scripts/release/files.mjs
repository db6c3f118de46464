// Writes the files of a GitHub release to FOLDER: notes.md from CHANGELOG.md, and in cdn/ the two scripts under their version, their parts,
// their source maps and their hashes, and sbom.cdx.json with the packages that an install brings: node scripts/release/files.mjs FOLDER
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sectionOf } from './changelog.mjs'
import { sbomOf } from './sbom.mjs'

const [folder = 'release'] = process.argv.slice(2)
const readJson = async (file) => JSON.parse(await readFile(file, 'utf8'))

const { version } = await readJson('package.json')
const integrity = await readJson('dist/cdn/integrity.json')
const notes = sectionOf(await readFile('CHANGELOG.md', 'utf8'), version)
if (!notes) throw new Error(`CHANGELOG.md has nothing under ## ${version}.`)
/** The scripts that a page names, by their names with the version. */
const scripts = {
  'chat-session.js': `chat-session-${version}.js`,
  'chat-window.js': `chat-window-${version}.js`,
}
const cdn = join(folder, 'cdn')

await mkdir(cdn, { recursive: true })
for (const file of Object.keys(integrity))
  await copyFile(`dist/cdn/${file}`, join(cdn, scripts[file] ?? file))
await copyFile('dist/cdn/chat-session.js.map', join(cdn, 'chat-session.js.map'))
const renamed = Object.entries(integrity).map(([file, hash]) => [scripts[file] ?? file, hash])
await writeFile(join(cdn, 'integrity.json'), `${JSON.stringify(Object.fromEntries(renamed), null, 2)}\n`)
await writeFile(
  join(folder, 'sbom.cdx.json'),
  `${JSON.stringify(sbomOf(await readJson('package-lock.json')), null, 2)}\n`,
)
const hashes = Object.entries(scripts)
  .map(([file, name]) => `\`${name}\`: \`${integrity[file]}\``)
  .join('\\\n')
await writeFile(join(folder, 'notes.md'), `${notes}\n\n${hashes}\n`)
