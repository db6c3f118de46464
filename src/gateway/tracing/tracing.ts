import { formatTraceparent, parseTraceparent, type TracePlace } from '../../util/traceparent.js'
import { VERSION } from '../../protocol/index.js'
import type { Log } from '../log.js'

/** The kinds and the status of OpenTelemetry that are used here, with its numbers. */
const kinds = { server: 1, client: 2 } as const
const ERROR = 2

export type Attributes = Readonly<Record<string, string | number>>

/** The parts of `@opentelemetry/api` that are used here. The package is an optional peer, so its types may be missing. */
interface Api {
  ROOT_CONTEXT: object
  trace: {
    getTracer(
      name: string,
      version: string,
    ): {
      startSpan(name: string, options: { kind: number; attributes: Attributes }, context: object): ApiSpan
    }
    setSpanContext(context: object, place: TracePlace & { isRemote: true }): object
    isSpanContextValid(place: TracePlace): boolean
  }
}

interface ApiSpan {
  spanContext(): TracePlace
  setAttributes(attributes: Attributes): unknown
  setStatus(status: { code: number; message: string }): unknown
  end(): void
}

/** A unit of work: one REST call, one message, one delivery. No span is as long as a connection. */
export interface Span {
  /** What the work passes on; undefined if it belongs to no trace. */
  readonly traceparent: string | undefined
  /** `error` says why the work failed. */
  end(attributes?: Attributes, error?: string): void
}

/** Begins spans. Without `@opentelemetry/api` there are none, and a `traceparent` is passed on as it came. */
export interface Tracing {
  /** `parent` is the `traceparent` of whoever asked for the work. If it is not valid, it is ignored. */
  start(name: string, kind: keyof typeof kinds, parent: unknown, attributes: Attributes): Span
}

const end = (): void => undefined
/** One object for all work outside of traces: most messages have no trace. */
const NO_SPAN: Span = { traceparent: undefined, end }

const API = '@opentelemetry/api'

const load = async (): Promise<Api | undefined> => {
  try {
    return (await import(API)) as Api
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined
    throw error
  }
}

const startSpan = (
  { ROOT_CONTEXT, trace }: Api,
  ...[name, kind, parent, attributes]: Parameters<Tracing['start']>
): Span => {
  const place = parseTraceparent(parent)
  const context = place ? trace.setSpanContext(ROOT_CONTEXT, { ...place, isRemote: true }) : ROOT_CONTEXT
  const span = trace
    .getTracer('chat-session', VERSION)
    .startSpan(name, { kind: kinds[kind], attributes }, context)
  const own = span.spanContext()
  return {
    // Without an SDK the span of the API is that of the parent, or none.
    traceparent: trace.isSpanContextValid(own) ? formatTraceparent(own) : undefined,
    end(attributes = {}, error) {
      span.setAttributes(attributes)
      if (error !== undefined) span.setStatus({ code: ERROR, message: error })
      span.end()
    },
  }
}

export const createTracing = (log: Pick<Log, 'warn'>): Tracing => {
  let api: Api | undefined
  load().then(
    (loaded) => (api = loaded),
    (err: unknown) => log.warn({ err }, `${API} can't be loaded: there are no spans`),
  )
  return {
    start(name, kind, parent, attributes) {
      if (api) return startSpan(api, name, kind, parent, attributes)
      const place = parent === undefined ? undefined : parseTraceparent(parent)
      return place ? { traceparent: formatTraceparent(place), end } : NO_SPAN
    },
  }
}
