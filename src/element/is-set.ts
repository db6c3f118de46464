/** Some frameworks write the text `false` for a boolean attribute or property that is not set. */
export const isSet = (value: unknown): boolean => !!value && value !== 'false'
