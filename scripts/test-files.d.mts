export const testFiles: (paths: readonly string[]) => string[]
