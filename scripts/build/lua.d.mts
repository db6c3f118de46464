/** Returns the Lua of a TypeScript file and of all that it imports. Throws if a file has errors, or what Lua has not. */
export function compileLibrary(options: { entry: string }): Promise<string>
/** Writes `library.lua` beside `script.ts`, unless it is there and its sources have not changed since. Returns its path. */
export function buildLibrary(): Promise<string>
