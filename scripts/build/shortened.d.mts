/** Names of fields that are shortened in the script for a script tag. */
export declare const shortened: string[]
