import { readFileSync } from 'node:fs'
import { blocksIn, type Block } from '../../../src/cli/init/guide.js'
import { languages } from './languages.js'

export type Name = keyof typeof languages
export const names = Object.keys(languages) as Name[]

const readPage = (path: string): string =>
  readFileSync(new URL(`../../../docs/${path}.md`, import.meta.url), 'utf8')

/** The page that explains the steps. */
export const sharedPage = readPage('BACKENDS')

/** The page of a language, as Markdown. */
export const pageOf = (name: Name): string => readPage(`backends/${languages[name].folder}`)

const blocks = new Map(names.map((name) => [name, blocksIn(pageOf(name))]))

/** Returns the code blocks of a language's page, the same objects each time. */
export const blocksOf = (name: Name): Block[] => blocks.get(name) ?? []

/** Returns the code of a file that a language's page has in one variant. Throws if there is none. */
export const codeOf = (name: Name, file: string): string => {
  const block = blocksOf(name).find((block) => block.file === file)
  if (!block) throw new Error(`The page of ${name} has no ${file}.`)
  return block.code
}
