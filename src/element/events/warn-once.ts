/** What this page has written. A retry must not repeat it, and neither must each row of a list. */
const warned = new Set<string>()

/** Writes a warning to the console, unless it stands there. */
export const warnOnce = (text: string): void => {
  if (warned.has(text)) return
  warned.add(text)
  console.warn(`<chat-session> ${text}`)
}

/** Called when a session starts or is active: after that the same warning is news. */
export const forgetWarnings = (): void => warned.clear()
