/**
 * Adds a listener until `signal` aborts, and removes it by name. With the option `signal` of `addEventListener` zone.js before 0.14 would
 * stop calling every listener to this event on the target, those of the site included.
 */
export const listen = (
  target: EventTarget,
  type: string,
  listener: (event: never) => unknown,
  signal: AbortSignal,
  capture = false,
): void => {
  if (signal.aborted) return
  target.addEventListener(type, listener as EventListener, capture)
  signal.addEventListener('abort', () => target.removeEventListener(type, listener as EventListener, capture))
}
