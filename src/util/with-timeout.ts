/** Rejects with the error of `late` if `work` takes longer than `milliseconds`. The timer keeps no process alive. */
export const withTimeout = async <T>(
  work: Promise<T>,
  milliseconds: number,
  late: () => Error,
): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), milliseconds).unref()
  })
  return Promise.race([work, timeout]).finally(() => clearTimeout(timer))
}
