// Prints the README's command that ends in `npm WORD`, as it stands there.
import { readFile } from 'node:fs/promises'

export const readmeCommand = async (word) => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const line = readme.split('\n').find((candidate) => candidate.trim() === `npm ci && npm ${word}`)
  if (!line) throw new Error(`README.md has no line \`npm ci && npm ${word}\`.`)
  return line.trim()
}

if (process.argv[1] === import.meta.filename) console.log(await readmeCommand(process.argv[2]))
