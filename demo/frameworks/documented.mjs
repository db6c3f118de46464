// Writes the components of docs/FRAMEWORKS.md into dist/documented/, so that they are built and checked as a reader's own files are.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'

const guide = readFileSync(new URL('../../docs/FRAMEWORKS.md', import.meta.url), 'utf8')

/** Returns the code block below the first sentence that names a file. */
const codeOf = (/** @type {string} */ file) => {
  const [, code] = guide.split(`\`${file}\``)[1]?.match(/```\w+\n(.*?)^```$/ms) ?? []
  if (code === undefined) throw new Error(`docs/FRAMEWORKS.md has no ${file}.`)
  return code
}

for (const [name, file] of [
  ['react', 'Chat.tsx'],
  ['vue', 'Chat.vue'],
  ['svelte', 'Chat.svelte'],
  ['angular', 'chat.ts'],
]) {
  const folder = new URL(`dist/documented/${name}/`, import.meta.url)
  mkdirSync(folder, { recursive: true })
  for (const each of [file, 'thread.ts']) writeFileSync(new URL(each, folder), codeOf(each))
}
