import { hasWords } from './load-words.js'

/** Whether `Intl` takes this tag. */
const isTag = (tag: string | undefined): tag is string => {
  try {
    return Intl.getCanonicalLocales(tag).length > 0
  } catch {
    return false
  }
}

/** Returns the language tags that apply to an element: of the closest `lang` around it, and the page's. */
export const languagesOf = (element: HTMLElement): string[] =>
  [element.closest<HTMLElement>('[lang]'), document.documentElement].map((each) => each?.lang).filter(isTag)

/** Returns the first language of these tags that the window has words in: `de` of `de-AT`. English, if there is none. */
export const wordsLanguage = (tags: readonly string[]): string =>
  tags
    .map((tag) => tag.toLowerCase().split('-')[0] ?? '')
    .find((language) => language === 'en' || hasWords(language)) ?? 'en'
