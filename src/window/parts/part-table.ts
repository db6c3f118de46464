/** The hash of the script of each part, without the name of the algorithm. The build replaces this module: only it knows the hashes. */
export const partTable: Readonly<Record<string, string>> = {}
