// Programs of the system that tests need and npm doesn't bring.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Debian's packages that `npm run test:browsers` needs. */
const packages = 'firefox-esr webkit2gtk-driver xvfb'

/** The path of a program; without it the process ends, and says how to get it. */
export const installed = (path) => {
  if (existsSync(path)) return path
  console.error(`There is no ${path}: install what these tests need by apt-get install ${packages}`)
  process.exit(1)
}

/** Starts programs that end when they are stopped, and with this process at the latest. */
export const programs = () => {
  const children = []
  const stop = () => {
    process.off('exit', stop)
    for (const child of children) child.kill()
  }
  process.on('exit', stop)
  const start = (...given) => {
    const child = spawn(...given)
    children.push(child)
    return child
  }
  return { start, stop }
}
