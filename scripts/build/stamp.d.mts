type Hashes = Record<string, string>
export function hashSources(root: string): Promise<Hashes>
export function stamp(root: string, sources: Hashes): Promise<void>
export function remaining(root: string, sources: Hashes): Promise<'nothing' | 'changes' | 'all'>
