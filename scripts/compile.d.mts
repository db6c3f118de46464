import type { BuildOptions } from 'esbuild'

export declare const compiledFolder: () => string
export declare const compile: (options: BuildOptions) => Promise<unknown>
