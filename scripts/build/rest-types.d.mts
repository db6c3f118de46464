export function restTypes(document: unknown): Promise<string>
