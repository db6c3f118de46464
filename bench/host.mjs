// A host's own server with a gateway attached: node bench/host.mjs CONFIG [CERT KEY]. Prints its address as `serve` does.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createGateway } from '../dist/gateway/index.js'

const [file, cert, key] = process.argv.slice(2)
const gateway = createGateway(JSON.parse(readFileSync(file, 'utf8')))
const page = (_, response) => response.end('The host says hello.')
const options = { maxHeaderSize: 32_768 }
const server = cert
  ? createTlsServer({ ...options, cert: readFileSync(cert), key: readFileSync(key) }, page)
  : createServer(options, page)
gateway.attach(server)
await gateway.ready()
server.listen(0, '127.0.0.1', () =>
  console.log(`listening on http${cert ? 's' : ''}://127.0.0.1:${server.address().port}`),
)
