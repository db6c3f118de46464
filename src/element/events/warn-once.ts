/** Writes a warning to the console, unless `written` has it. */
export const warnOnce = (written: Set<string>, text: string): void => {
  if (written.has(text)) return
  written.add(text)
  console.warn(`<chat-session> ${text}`)
}
