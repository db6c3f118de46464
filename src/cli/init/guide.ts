import { readFile } from 'node:fs/promises'

/** A code block of docs/BACKENDS.md. */
export interface Block {
  /** The first file that the paragraph above the block names; undefined if it names none. */
  file: string | undefined
  paragraph: string
  /** The language in the block's fence, such as `ruby`. */
  language: string
  code: string
}

/** Returns the code blocks of each chapter of docs/BACKENDS.md, by the chapter's heading. */
export const chaptersOf = (page: string): Map<string, Block[]> =>
  new Map(
    page
      .split(/^## /m)
      .slice(1)
      .map((chapter): [string, Block[]] => [
        chapter.slice(0, chapter.indexOf('\n')),
        [...chapter.matchAll(/([^\n]+(?:\n[^\n]+)*)\n\n```(\w+)\n(.*?)^```$/gms)].map(
          ([, paragraph = '', language = '', code = '']) => ({
            file: /`([\w./-]+\.\w+)`/.exec(paragraph)?.[1],
            paragraph,
            language,
            code,
          }),
        ),
      ]),
  )

/** Reads docs/BACKENDS.md, which is part of the package. */
export const readChapters = async (): Promise<Map<string, Block[]>> =>
  chaptersOf(await readFile(new URL('../../../docs/BACKENDS.md', import.meta.url), 'utf8'))
