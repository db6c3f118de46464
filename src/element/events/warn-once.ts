/** Writes a warning to the console, unless it is one of those that were written. */
export const warnOnce = (written: Set<string>, text: string): void => {
  if (written.has(text)) return
  written.add(text)
  console.warn(`<chat-session> ${text}`)
}
