/** Returns whether a boolean attribute or property is set. Some frameworks write the text `false` if it is not. */
export const isSet = (value: unknown): boolean => !!value && value !== 'false'
