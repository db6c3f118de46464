import type { Words } from './en.js'

/** The languages besides English, each with its words. The script-tag build replaces this module by one that loads scripts. */
const languages: Record<string, () => Promise<{ words: Words }>> = {
  ar: () => import('./ar.js'),
  de: () => import('./de.js'),
  es: () => import('./es.js'),
  fr: () => import('./fr.js'),
  ja: () => import('./ja.js'),
}

/** Returns whether there are words in this language, besides English. */
export const hasWords = (language: string): boolean => Object.hasOwn(languages, language)

/** Resolves with the words of a language. Rejects if they can't be loaded. */
export const loadWords = async (language: string): Promise<Words | undefined> =>
  (await languages[language]?.())?.words
