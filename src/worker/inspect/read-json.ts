// Reading of untrusted JSON: a value of the wrong kind is the same as none.

export type Json = Readonly<Record<string, unknown>>

/** The small files of a repository that were there and short enough. */
export interface SmallFiles {
  readonly text: (path: string) => string | undefined
  readonly json: (path: string) => Json | undefined
}

export const toObject = (value: unknown): Json | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined

export const toJson = (text: string | undefined): Json | undefined => {
  if (text === undefined) return undefined
  try {
    return toObject(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** A short word such as a class name or a method; anything else is unknown. */
export const toWord = (value: unknown, limit: number): string | undefined =>
  typeof value === 'string' && value.length <= limit && /^[A-Za-z0-9][A-Za-z0-9._ -]*$/.test(value)
    ? value
    : undefined

export const toCount = (value: unknown): number | undefined =>
  Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= 1_000_000_000
    ? (value as number)
    : undefined
