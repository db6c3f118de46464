export declare const modules: Readonly<Record<string, readonly string[]>>
export declare const withoutNode: readonly string[]
export declare const moduleOf: (path: string) => string | undefined
export declare const pathInSrc: (file: string) => string | undefined
export declare const forbidden: (file: string, specifier: string) => string | undefined
