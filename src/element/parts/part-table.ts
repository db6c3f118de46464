/** The hash in the name of each part's script, and its integrity. The build of the first script replaces this module by its own table. */
export const partTable: Partial<Record<string, readonly [hash: string, integrity: string]>> = {}
