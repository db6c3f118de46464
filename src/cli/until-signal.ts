/** Calls `close` once at SIGTERM or SIGINT and lets the process end by itself; a second signal ends it at once. */
export const untilSignal = (close: () => Promise<void>): void => {
  const signals = ['SIGTERM', 'SIGINT'] as const
  const stop = (): void => {
    for (const signal of signals) process.off(signal, stop)
    close().catch((error: unknown) => {
      console.error(error)
      process.exitCode = 1
    })
  }
  for (const signal of signals) process.on(signal, stop)
}
