// What the commands of the demos share: their ports, and errors that the user can correct.

export const HOST = '127.0.0.1'

/** An error that the user can correct. It is printed as one line, without a stack. */
export class UsageError extends Error {}

/** Returns the port in an environment variable. @param {string} name @param {number} otherwise */
export const portOf = (name, otherwise) => {
  const text = process.env[name] || String(otherwise)
  if (!/^\d+$/.test(text) || Number(text) > 65_535)
    throw new UsageError(`${name} is ${text}: a port is a number from 0 to 65535.`)
  return Number(text)
}

/**
 * Listens on a port of HOST, and resolves with the address. `what` and `variable` are for the error if the port is in use.
 * @param {import('node:net').Server} server @param {number} port @param {string} what @param {string} variable
 * @returns {Promise<string>}
 */
export const listen = (server, port, what, variable) =>
  new Promise((resolve, reject) => {
    server.once('error', (/** @type {NodeJS.ErrnoException} */ { code, message }) =>
      reject(
        new UsageError(
          code === 'EADDRINUSE'
            ? `Port ${port} on ${HOST} is in use: choose another for ${what} with ${variable}, or 0 for a free one.`
            : `Can't listen on ${HOST}, port ${port}, for ${what}: ${message}.`,
        ),
      ),
    )
    server.listen(port, HOST, () => {
      const address = /** @type {import('node:net').AddressInfo} */ (server.address())
      resolve(`http://${HOST}:${address.port}`)
    })
  })

/** Runs a demo. Prints an error that the user can correct as one line. @param {() => Promise<void>} start */
export const run = (start) =>
  start().catch((error) => {
    if (!(error instanceof UsageError)) throw error
    console.error(`demo: ${error.message}`)
    process.exitCode = 2
  })
