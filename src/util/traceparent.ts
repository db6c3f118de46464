const pattern = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/

/** The place in a trace that a `traceparent` names (W3C Trace Context, version 00). */
interface TracePlace {
  traceId: string
  spanId: string
  traceFlags: number
}

/** Returns the place that `text` names; undefined for anything else, because a bad `traceparent` is ignored. */
export const parseTraceparent = (text: unknown): TracePlace | undefined => {
  const [, traceId, spanId, flags] = pattern.exec(typeof text === 'string' ? text : '') ?? []
  return traceId !== undefined && spanId !== undefined && flags !== undefined
    ? { traceId, spanId, traceFlags: parseInt(flags, 16) }
    : undefined
}

export const formatTraceparent = ({ traceId, spanId, traceFlags }: TracePlace): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
