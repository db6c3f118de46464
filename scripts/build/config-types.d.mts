export function configTypes(): Promise<string>
export function configGuide(): Promise<string>
