import type { Attributes, Tracer, TracerProvider } from '@opentelemetry/api'
import { formatTraceparent, parseTraceparent } from '../../util/traceparent.js'
import { VERSION } from '../../protocol/index.js'
import type { OpenTelemetryApi } from '../open-telemetry.js'

/** A unit of work: a REST call, a client's message, a webhook or a push. A connection has no span. */
export interface Span {
  /** The `traceparent` that the work passes on; undefined if the work belongs to no trace. */
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
/** The name of the spans' library. */
const LIBRARY = 'chat-session'

/** One object for all work without a trace, because most messages have none. */
const NO_SPAN: Span = { traceparent: undefined, end }

const withoutSdk: Tracing = {
  start(_name, _kind, parent) {
    const place = parseTraceparent(parent)
    return place ? { traceparent: formatTraceparent(place), end } : NO_SPAN
  },
}

/** The API's own provider, to which an SDK may give its provider at any time. */
interface Provider extends TracerProvider {
  getDelegateTracer?(name: string, version: string): Tracer | undefined
}

const tracingBy = ({ ROOT_CONTEXT, SpanKind, SpanStatusCode, trace }: OpenTelemetryApi): Tracing => {
  const findTracer = (): Tracer | undefined => {
    const provider: Provider = trace.getTracerProvider()
    return provider.getDelegateTracer
      ? provider.getDelegateTracer(LIBRARY, VERSION)
      : provider.getTracer(LIBRARY, VERSION)
  }
  let tracer: Tracer | undefined
  return {
    start(name, kind, parent, attributes) {
      // Without an SDK the API would make a span that does nothing. This would take 4% of the time that sending a message takes.
      tracer ??= findTracer()
      if (!tracer) return withoutSdk.start(name, kind, parent, attributes)
      const place = parseTraceparent(parent)
      const context = place ? trace.setSpanContext(ROOT_CONTEXT, { ...place, isRemote: true }) : ROOT_CONTEXT
      const span = tracer.startSpan(name, { kind: SpanKind[kind], attributes }, context)
      const own = span.spanContext()
      // An SDK that is switched off makes spans without a context of their own.
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

/** Creates the tracing of a gateway. There are no spans before `api` has loaded. */
export const createTracing = (api: Promise<OpenTelemetryApi | undefined>): Tracing => {
  let tracing = withoutSdk
  void api.then((loaded) => {
    if (loaded) tracing = tracingBy(loaded)
  })
  return { start: (...args) => tracing.start(...args) }
}
