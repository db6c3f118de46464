/** Path of the browser; the first call unpacks it. */
export declare const chromiumPath: () => Promise<string>
export declare const chromiumArgs: string[]
