// The client of demo/clients, which starts a process in a group of its own. That process keeps the client's output open until the test
// closes its connection to a port, which is the argument.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { WebSocket } from 'ws'
import { drive } from '../../../demo/clients/drive.mjs'

const port = Number(process.argv[2])
const program = `require('node:net').connect(${port}, '127.0.0.1', () => console.error('connected')).on('error', () => {}).resume()`
const child = spawn(process.execPath, ['-e', program], {
  detached: true,
  stdio: ['ignore', 'inherit', 'pipe'],
})
// The test has the connection before the client can be ended.
await once(createInterface({ input: child.stderr }), 'line')
child.unref()
child.stderr.destroy()
drive(WebSocket)
