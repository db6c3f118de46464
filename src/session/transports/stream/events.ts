/**
 * Returns a function that reads the chunks of an event stream (HTML, 9.2), and calls `onData` with the data of each event. A character or
 * an event may be split over several chunks.
 */
export const createEventReader = (onData: (data: string) => void): ((chunk: Uint8Array) => void) => {
  const decoder = new TextDecoder()
  let rest = ''
  let data: string[] = []
  return (chunk) => {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines.map((each) => each.replace(/\r$/, '')))
      if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''))
      else if (line === '' && data.length) {
        onData(data.join('\n'))
        data = []
      }
  }
}
