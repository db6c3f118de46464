export function stamp(root: string): Promise<void>
export function remaining(root: string): Promise<'nothing' | 'changes' | 'all'>
