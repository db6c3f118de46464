/**
 * Reads and writes WebSocket frames (RFC 6455, 5) on Node, by hand. The package ws could do this, but its receiver and sender are two
 * streams and several objects for each connection. ARCHITECTURE.md has their share of an idle session's memory and of a start's CPU time.
 *
 * The test of the reader gives the receiver of ws the same bytes in the same chunks, valid ones and random ones: both must report the same
 * messages and the same refusals. The test of the writer compares its frames with frames that the test makes byte by byte.
 */
export { opcodes } from './frame-format.js'
export { FrameReader, type FrameListener } from './frame-reader.js'
export { closePayload, controlFrame, textFrame } from './frame-writer.js'
