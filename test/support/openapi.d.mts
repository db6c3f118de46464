export function lint(json: string): Promise<string[]>
export function createValidator(document: unknown): (pointer: string, body: unknown) => string | undefined
