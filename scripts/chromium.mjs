// The Chromium that npm brings: unpacked at first use, driven by playwright-core.
import chromium from '@sparticuz/chromium'

/** Path of the browser; the first call unpacks it. */
export const chromiumPath = () => chromium.executablePath()

/**
 * Arguments of our own: the package's defaults run everything in one process and switch off the same-origin policy, which
 * is what is under test.
 */
export const chromiumArgs = ['--no-sandbox', '--disable-background-networking', '--disable-component-update']
