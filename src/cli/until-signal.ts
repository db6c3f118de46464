/**
 * Calls `close` once at SIGTERM or SIGINT and then ends the process, whatever a config module's own code still holds open; a
 * second signal ends it at once.
 */
export const untilSignal = (close: () => Promise<void>): void => {
  const signals = ['SIGTERM', 'SIGINT'] as const
  const stop = (): void => {
    for (const signal of signals) process.off(signal, stop)
    close()
      .catch((error: unknown) => {
        console.error(error)
        process.exitCode = 1
      })
      .finally(() => process.exit())
  }
  for (const signal of signals) process.on(signal, stop)
}
