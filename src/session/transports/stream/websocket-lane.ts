import type { Lane, LaneListener } from './lane.js'

/** Returns a lane on a WebSocket, which may be opening or open. */
export const webSocketLane = (socket: WebSocket, { opened, text, closed }: LaneListener): Lane => {
  socket.onopen = () => opened()
  socket.onmessage = ({ data }: MessageEvent<unknown>) => text(String(data))
  socket.onclose = ({ code }) => closed(code)
  socket.onerror = () => undefined
  return {
    send(json) {
      if (socket.readyState === socket.OPEN) socket.send(json)
    },
    close: (code = 1000) =>
      new Promise((resolve) => {
        socket.onopen = socket.onmessage = null
        socket.onclose = () => resolve()
        if (socket.readyState === socket.CLOSED) resolve()
        try {
          socket.close(code)
        } catch {
          // Some WebSockets throw when they are closed while they open.
          resolve()
        }
      }),
  }
}
