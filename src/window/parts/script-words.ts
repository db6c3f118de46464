/* The script-tag build has this module in the place of words/load-words.ts. */
import type { Words } from '../words/en.js'
import { loadPart } from './load-part.js'
import { partTable } from './part-table.js'

export const hasWords = (language: string): boolean => Object.hasOwn(partTable, language)

export const loadWords = async (language: string): Promise<Words> =>
  ((await loadPart(language)) as { words: Words }).words
