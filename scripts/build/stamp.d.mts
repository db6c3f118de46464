export function stamp(root: string): Promise<void>
export function isUpToDate(root: string): Promise<boolean>
