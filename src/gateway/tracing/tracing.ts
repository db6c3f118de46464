import type { Attributes } from '@opentelemetry/api'
import { formatTraceparent, parseTraceparent } from '../../util/traceparent.js'
import { VERSION } from '../../protocol/index.js'
import type { OpenTelemetryApi } from '../open-telemetry.js'

/** A unit of work: one REST call, one message, one delivery. No span is as long as a connection. */
export interface Span {
  /** The `traceparent` that the work passes on; undefined if it belongs to no trace. */
  readonly traceparent: string | undefined
  /** Ends the span. `error` says why the work failed. */
  end(attributes?: Attributes, error?: string): void
}

/** Begins spans. Without an SDK of OpenTelemetry there are no spans, and a `traceparent` is passed on unchanged. */
export interface Tracing {
  /** `parent` is the `traceparent` that came with the request. An invalid one is ignored. */
  start(name: string, kind: 'SERVER' | 'CLIENT', parent: unknown, attributes: Attributes): Span
}

const end = (): void => undefined
/** One object for all work without a trace, because most messages have none. */
const NO_SPAN: Span = { traceparent: undefined, end }

const tracingBy = ({ ROOT_CONTEXT, SpanKind, SpanStatusCode, trace }: OpenTelemetryApi): Tracing => {
  // The tracer finds an SDK that is registered later, too.
  const tracer = trace.getTracer('chat-session', VERSION)
  return {
    start(name, kind, parent, attributes) {
      const place = parseTraceparent(parent)
      const context = place ? trace.setSpanContext(ROOT_CONTEXT, { ...place, isRemote: true }) : ROOT_CONTEXT
      const span = tracer.startSpan(name, { kind: SpanKind[kind], attributes }, context)
      const own = span.spanContext()
      // Without an SDK the span has its parent's context, or an invalid one.
      if (!trace.isSpanContextValid(own)) return NO_SPAN
      return {
        traceparent: formatTraceparent(own),
        end(attributes = {}, error) {
          span.setAttributes(attributes)
          if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error })
          span.end()
        },
      }
    },
  }
}

/** Passes a `traceparent` on unchanged. */
const withoutApi: Tracing = {
  start(_name, _kind, parent) {
    const place = parseTraceparent(parent)
    return place ? { traceparent: formatTraceparent(place), end } : NO_SPAN
  },
}

/** Spans begin once `api` has loaded. */
export const createTracing = (api: Promise<OpenTelemetryApi | undefined>): Tracing => {
  let tracing = withoutApi
  void api.then((loaded) => {
    if (loaded) tracing = tracingBy(loaded)
  })
  return { start: (...args) => tracing.start(...args) }
}
