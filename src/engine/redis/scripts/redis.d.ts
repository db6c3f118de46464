/* eslint-disable @typescript-eslint/no-invalid-void-type -- `this: void` tells the compiler that a function of Lua gets no object. */
/*
 * What Redis gives to a script: functions of Lua, and of Redis itself. A function that returns a `LuaMultiReturn` returns several values,
 * which a list on the left side of an assignment takes.
 */

/** A value that Redis may lack: then it is `false`. */
type Stored = string | false
type Value = string | number

/** Commands by what they reply. A command that replies with a number that the scripts ignore is here, too. */
type NumberCommand =
  | 'DEL'
  | 'EXISTS'
  | 'HDEL'
  | 'HEXISTS'
  | 'HINCRBY'
  | 'HLEN'
  | 'HSET'
  | 'HSETNX'
  | 'LTRIM'
  | 'PERSIST'
  | 'PEXPIRE'
  | 'PTTL'
  | 'PUBLISH'
  | 'RPUSH'
  | 'SPUBLISH'
  | 'UNLINK'
  | 'XADD'
  | 'XTRIM'
  | 'ZADD'
  | 'ZCARD'
  | 'ZREM'
  | 'ZREMRANGEBYSCORE'
type TextCommand = 'GET' | 'HGET' | 'ZSCORE'
type ListCommand =
  'HGETALL' | 'HKEYS' | 'HRANDFIELD' | 'LRANGE' | 'TIME' | 'ZRANGE' | 'ZRANGEBYLEX' | 'ZRANGEBYSCORE'
/** An entry of a stream: its id, then its fields and their values in turn. */
type StreamEntry = [id: string, fields: string[]]

/** @noSelf */
declare namespace redis {
  function call(command: NumberCommand, ...args: Value[]): number
  function call(command: TextCommand, key: string, field?: Value): Stored
  function call(command: ListCommand, ...args: Value[]): string[]
  /** Replies with a value for each field. */
  function call<const Fields extends readonly Value[]>(
    command: 'HMGET',
    key: string,
    ...fields: Fields
  ): { -readonly [N in keyof Fields]: Stored }
  function call(command: 'XRANGE' | 'XREVRANGE', ...args: Value[]): StreamEntry[]
  function call(command: 'HSCAN', ...args: Value[]): [cursor: string, list: string[]]
  function call(command: 'INFO', section: string): string
  /** Replies `false` if an option of the command, such as `NX`, has kept it from writing. */
  function call(command: 'SET', ...args: Value[]): unknown
  function sha1hex(text: string): string
  function register_function(options: {
    function_name: string
    flags: readonly string[]
    callback: (this: void, keys: string[], args: string[]) => unknown
  }): void
}

/** @noSelf */
declare namespace cjson {
  /** Fails for half of a surrogate pair. Writes no more than 14 digits of a number. */
  function encode(value: unknown): string
  function decode(json: string): unknown
}

/** @noSelf */
declare namespace cmsgpack {
  /** Packs the values one after the other. */
  function pack(...values: unknown[]): string
  function unpack<T extends unknown[]>(packed: string): LuaMultiReturn<T>
}

/** @noSelf */
declare namespace string {
  function char(...codes: number[]): string
  function format(format: string, ...values: unknown[]): string
  function find(
    text: string,
    pattern: string,
    from?: number,
    isPlain?: boolean,
  ): LuaMultiReturn<[number?, number?]>
  function gmatch(text: string, pattern: string): LuaIterable<string>
  /** Returns what the captures of the pattern have matched; undefined if the pattern does not match. */
  function match<T extends unknown[] = string[]>(
    text: string,
    pattern: string,
  ): LuaMultiReturn<T | undefined[]>
  function sub(text: string, from: number, to?: number): string
}

/** @noSelf */
declare namespace table {
  function concat(list: readonly (string | number)[], separator?: string): string
  function sort<T>(list: T[], isBefore: (this: void, a: T, b: T) => boolean): void
  function insert<T>(list: T[], place: number, item: T): void
}

/** Returns the number that a text has; undefined if it has none, and for `false` and undefined. A number is returned as it is. */
declare function tonumber(this: void, value: `${number}`): number
declare function tonumber(this: void, value: unknown): number | undefined
declare function tostring(this: void, value: unknown): string
declare function pairs<K extends string | number, V>(
  this: void,
  of: Readonly<Partial<Record<K, V>>>,
): LuaIterable<LuaMultiReturn<[K, V]>>
/** Returns items of a list from one place to another. The first item has the place 1. */
declare function unpack<T extends unknown[]>(
  this: void,
  list: readonly T[number][],
  from: number,
  to: number,
): LuaMultiReturn<T>
declare function unpack<T>(this: void, list: readonly T[], from?: number, to?: number): LuaMultiReturn<T[]>
declare function type(this: void, value: unknown): string
declare function error(this: void, problem: unknown): never
declare function pcall<A extends unknown[], R>(
  this: void,
  run: (this: void, ...args: A) => R,
  ...args: A
): LuaMultiReturn<[true, R] | [false, unknown]>
declare function setmetatable<T extends object>(this: void, table: T, meta: object): T
