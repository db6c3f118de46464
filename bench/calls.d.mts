/** What gateways share, and what they call it for. */
export interface World {
  readonly gateways: number
  readonly masters: number
  readonly apps: number
  /** How many users are watched by somebody, for presence. */
  readonly watched?: number
}
export interface Counted {
  /** The calls of each script for one operation. */
  readonly scripts: Record<string, number>
  /** The sum of these calls. */
  readonly calls: number
  /** How many published texts reach gateways. */
  readonly heard: number
}
export declare const background: readonly {
  readonly what: string
  readonly growsWith: string
  readonly perSecond: (world: World) => number
}[]
export declare const callsPerSecond: (
  world: World,
  operations: readonly { readonly perSecond: number; readonly calls: number }[],
) => number
export declare const countCalls: (
  gateways: number,
  options?: { times?: number },
) => Promise<{
  readonly operations: Record<'start' | 'again' | 'message' | 'webhook' | 'loss', Counted>
}>
