export function publicApi(): string
export function readPublicApi(): string
