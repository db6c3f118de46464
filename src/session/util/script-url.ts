/**
 * The URL of this script; empty from npm. The script-tag build replaces this module. From npm `import.meta.url` is no help, because a
 * bundler makes it a path of the machine that builds.
 */
export const scriptUrl = '' as string
