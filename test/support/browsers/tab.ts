/** The only tab of a browser that a test drives. */
export interface Tab {
  /** Loads a page. Resolves after the page's `load` event. */
  goto(url: string): Promise<unknown>
  url(): Promise<string>
  /** Returns the value of an expression in the page, or the value that its promise resolves with. */
  evaluate(expression: string): Promise<unknown>
  /** Closes the browser. */
  close(): Promise<void>
}
