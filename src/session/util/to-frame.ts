/** `T`, with undefined as a value of its optional fields. */
type Loose<T> = { [K in keyof T]: Partial<Pick<T, K>> extends Pick<T, K> ? T[K] | undefined : T[K] }

/** Returns the fields of a frame, some of which may be undefined. They are left out when the frame is written as JSON. */
export const toFrame = <T extends object>(fields: Loose<T>): T => fields as T
