/** One thing that a command has checked: what it looked at, and a sentence. */
export interface Finding {
  level: 'ok' | 'warn' | 'fail'
  what: string
  text: string
}

/** Characters of another's text that would control the terminal. */
const CONTROL = /[\p{Cc}\p{Bidi_Control}]/gu

/** Prints one line a finding, with the columns aligned. */
export const printFindings = (findings: readonly Finding[]): void => {
  const width = Math.max(...findings.map(({ what }) => what.length))
  for (const { level, what, text } of findings)
    console.log(`${level.padEnd(4)}  ${what.padEnd(width)}  ${text}`.replace(CONTROL, '�'))
}

/** Says whether any finding is a failure. */
export const hasFailed = (findings: readonly Finding[]): boolean =>
  findings.some(({ level }) => level === 'fail')
