// The client of this package under `npx chat-session-conformance --client "node demo/clients/session.mjs"`.
import { WebSocket } from 'ws'
import { drive } from './drive.mjs'

drive(WebSocket)
