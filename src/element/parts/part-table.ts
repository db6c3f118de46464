/** The SHA-256 of each part's script in base64, by the part's name. The build of `chat-session.js` replaces this empty table. */
export const partTable: Partial<Record<string, string>> = {}
