/** The SHA-256 of each part's script, in base64. The build of the first script replaces this module by the hashes of the parts. */
export const partTable: Partial<Record<string, string>> = {}
