const pattern = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/

/** A trace and one of its spans, as a `traceparent` names them (W3C Trace Context, version 00). */
interface TracePlace {
  traceId: string
  spanId: string
  traceFlags: number
}

/** Returns the trace and the span that `text` names; undefined for a bad `traceparent`. */
export const parseTraceparent = (text: unknown): TracePlace | undefined => {
  const [, traceId, spanId, flags] = pattern.exec(typeof text === 'string' ? text : '') ?? []
  return traceId !== undefined && spanId !== undefined && flags !== undefined
    ? { traceId, spanId, traceFlags: parseInt(flags, 16) }
    : undefined
}

export const formatTraceparent = ({ traceId, spanId, traceFlags }: TracePlace): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
