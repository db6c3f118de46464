// The Chromium from npm. It is unpacked at the first use and driven by playwright-core.
import chromium from '@sparticuz/chromium'

/** Resolves with the path of the browser. The first call unpacks it. */
export const chromiumPath = () => chromium.executablePath()

/** The package's default arguments would turn off the same-origin policy, which the tests need, and run all in one process. */
export const chromiumArgs = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  // Without these it draws by a graphics card that it emulates, in a process of its own.
  '--disable-gpu',
  '--disable-software-rasterizer',
]
