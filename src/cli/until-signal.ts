/** Calls `close`, then ends the process, even if a config module has a timer or a socket open. */
export const closeAndExit = (close: () => Promise<void>): void => {
  close()
    .catch((error: unknown) => {
      console.error(error)
      process.exitCode = 1
    })
    .finally(() => process.exit())
}

/** Calls `close` at the first SIGTERM or SIGINT, then ends the process. A second signal ends the process at once. */
export const untilSignal = (close: () => Promise<void>): void => {
  const signals = ['SIGTERM', 'SIGINT'] as const
  const stop = (): void => {
    for (const signal of signals) process.off(signal, stop)
    closeAndExit(close)
  }
  for (const signal of signals) process.on(signal, stop)
}
