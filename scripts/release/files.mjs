// Writes the files of a GitHub release to FOLDER: notes.md from CHANGELOG.md, and in cdn/ the script under its version, its parts, their
// source maps and their hashes, and sbom.cdx.json with the packages that an install brings: node scripts/release/files.mjs FOLDER
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sectionOf } from './changelog.mjs'
import { sbomOf } from './sbom.mjs'

const [folder = 'release'] = process.argv.slice(2)
const readJson = async (file) => JSON.parse(await readFile(file, 'utf8'))

const { version } = await readJson('package.json')
const { 'chat-session.js': integrity, ...parts } = await readJson('dist/cdn/integrity.json')
const notes = sectionOf(await readFile('CHANGELOG.md', 'utf8'), version)
if (!notes) throw new Error(`CHANGELOG.md has nothing under ## ${version}.`)
const script = `chat-session-${version}.js`
const cdn = join(folder, 'cdn')

await mkdir(cdn, { recursive: true })
await copyFile('dist/cdn/chat-session.js', join(cdn, script))
for (const file of ['chat-session.js.map', ...Object.keys(parts)])
  await copyFile(`dist/cdn/${file}`, join(cdn, file))
await writeFile(
  join(cdn, 'integrity.json'),
  `${JSON.stringify({ [script]: integrity, ...parts }, null, 2)}\n`,
)
await writeFile(
  join(folder, 'sbom.cdx.json'),
  `${JSON.stringify(sbomOf(await readJson('package-lock.json')), null, 2)}\n`,
)
await writeFile(join(folder, 'notes.md'), `${notes}\n\n\`${script}\`: \`${integrity}\`\n`)
