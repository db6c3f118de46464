/**
 * Calls `onLine` with each line of a body of text. Resolves at the end of the body. If the body breaks off, rejects with the error that
 * `onBroken` returns.
 */
export const readLines = async (
  body: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
  onBroken: () => Error,
): Promise<void> => {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw onBroken()
    })
    if (done) return
    const lines = (rest + decoder.decode(value, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  }
}
