/** The result of one check: its subject (for example a key of the config), its level and a sentence. */
export interface Finding {
  level: 'ok' | 'warn' | 'fail'
  what: string
  text: string
}

type CreateFinding = (text: string) => Finding

/** Returns the functions that create findings about one subject. */
export const findingsAbout = (what: string): Record<Finding['level'], CreateFinding> => ({
  ok: (text) => ({ level: 'ok', what, text }),
  warn: (text) => ({ level: 'warn', what, text }),
  fail: (text) => ({ level: 'fail', what, text }),
})

/** Returns a number with its noun: `1 day`, `2 days`. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`

/** Characters that would control the terminal or reorder a line. A token may contain them. */
const CONTROL = /[\p{Cc}\p{Bidi_Control}]/gu

/** Prints one line for each finding, with the columns aligned. */
export const printFindings = (findings: readonly Finding[]): void => {
  const width = Math.max(...findings.map(({ what }) => what.length))
  for (const { level, what, text } of findings)
    console.log(`${level.padEnd(4)}  ${what.padEnd(width)}  ${text}`.replace(CONTROL, '�'))
}

/** Returns whether any finding is a failure. */
export const hasFailed = (findings: readonly Finding[]): boolean =>
  findings.some(({ level }) => level === 'fail')
