// Writes the version of this package and the hash of the built script into the tag of docs/ELEMENT.md that pins both.
import { readFile, writeFile } from 'node:fs/promises'

const read = async (file) => JSON.parse(await readFile(file, 'utf8'))

const { version } = await read('package.json')
const { 'chat-session.js': integrity } = await read('dist/cdn/integrity.json')
const page = await readFile('docs/ELEMENT.md', 'utf8')
const pinned = /\/chat-session-\d[\w.+-]*\.js"(\s+)integrity="[^"]*"/g
if (page.match(pinned)?.length !== 1)
  throw new Error('docs/ELEMENT.md has no script tag with a version and its hash.')
await writeFile(
  'docs/ELEMENT.md',
  page.replace(pinned, (_tag, space) => `/chat-session-${version}.js"${space}integrity="${integrity}"`),
)
