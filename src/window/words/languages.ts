import { hasWords } from './load-words.js'

/** Returns the language tags that apply to an element, from its own `lang` to the page's. */
export const languagesOf = (element: Element): string[] => {
  const tags: string[] = []
  const collect = (node: Element): void => {
    const found = node.closest('[lang]')
    const tag = found?.getAttribute('lang')
    if (tag && isTag(tag)) tags.push(tag)
    const around = found?.parentElement ?? (node.getRootNode() as Partial<ShadowRoot>).host
    if (around) collect(around)
  }
  collect(element)
  return tags
}

/** Whether `Intl` takes this tag. */
const isTag = (tag: string): boolean => {
  try {
    return Intl.getCanonicalLocales(tag).length > 0
  } catch {
    return false
  }
}

/** Returns the first language of these tags that the window has words in: `de` of `de-AT`. English, if there is none. */
export const wordsLanguage = (tags: readonly string[]): string =>
  tags
    .map((tag) => tag.toLowerCase().split('-')[0] ?? '')
    .find((language) => language === 'en' || hasWords(language)) ?? 'en'
