/** Says in the console what went wrong, for the developer of the page. The window goes on. */
export const complain = (what: string, why: unknown): void => console.warn(`chat-window: ${what}`, why)
