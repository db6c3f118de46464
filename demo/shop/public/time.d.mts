export declare const createTimeFormat: (
  locale?: string,
  timeZone?: string,
) => (sentAt: number, now?: number) => string
