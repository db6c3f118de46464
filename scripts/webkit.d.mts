/** The one tab of a browser. */
export interface Tab {
  /** Loads a page, and waits for its `load`. */
  goto(url: string): Promise<unknown>
  url(): string | Promise<string>
  /** What an expression is in the page, or what its promise resolves with. */
  evaluate(expression: string): Promise<unknown>
  /** Ends the browser. */
  close(): Promise<void>
}

/** Starts WebKit with one window. */
export declare const launchWebKit: () => Promise<Tab>
