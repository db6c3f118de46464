import { readFile } from 'node:fs/promises'

/** A code block of a page of the documentation. */
export interface Block {
  /** The first file that the paragraph above the block names; undefined if it names none. */
  file: string | undefined
  paragraph: string
  /** The language in the block's fence, such as `ruby`. */
  language: string
  code: string
}

/** The code blocks of each chapter of a page, by the chapter's heading. */
export type Chapters = ReadonlyMap<string, Block[]>

/** Returns the code blocks of a page or of a part of one. */
export const blocksIn = (text: string): Block[] =>
  [...text.matchAll(/([^\n]+(?:\n[^\n]+)*)\n\n```(\w+)\n(.*?)^```$/gms)].map(
    ([, paragraph = '', language = '', code = '']) => ({
      file: /`([\w./-]+\.\w+)`/.exec(paragraph)?.[1],
      paragraph,
      language,
      code,
    }),
  )

export const chaptersOf = (page: string): Chapters =>
  new Map(
    page
      .split(/^## /m)
      .slice(1)
      .map((chapter): [string, Block[]] => [chapter.slice(0, chapter.indexOf('\n')), blocksIn(chapter)]),
  )

/** Reads a page of the documentation, which is part of the package, by its path below `docs/` without `.md`. */
export const readPage = (name: string): Promise<string> =>
  readFile(new URL(`../../../docs/${name}.md`, import.meta.url), 'utf8')
