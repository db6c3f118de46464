import { openClient, startClient } from '../../../support/raw-client.js'

/**
 * Opens ten connections that start sessions, with these starts in turn, and ten that send nothing. Closes all of them after `during`:
 * half of the sessions end by a frame. Resolves with the result of `during`.
 */
export const connectionRound = async <Result>(
  url: string,
  starts: readonly unknown[],
  during: () => Result | Promise<Result>,
): Promise<Result> => {
  const clients = await Promise.all(
    Array.from({ length: 10 }, (_, index) => startClient(url, starts[index % starts.length])),
  )
  const idle = Array.from({ length: 10 }, () => openClient(url))
  await Promise.all(idle.map(({ opened }) => opened))
  const result = await during()
  for (const [index, client] of clients.entries())
    if (index % 2) client.close()
    else client.send({ type: 'end' })
  for (const client of idle) client.close()
  await Promise.all([...clients, ...idle].map(({ closed }) => closed))
  return result
}
