export function lint(json: string, rules?: Record<string, 'off'>): Promise<string[]>
export function createValidator(document: unknown): (pointer: string, value: unknown) => string | undefined
