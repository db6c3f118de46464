import type { Tab } from './webkit.mjs'

/** Starts Firefox with one tab. */
export declare const launchFirefox: () => Promise<Tab>
