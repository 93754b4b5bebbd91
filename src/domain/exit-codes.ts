// What the exit code of a worker says, where its result cannot be read. Alone, so that whoever only ends needs no schemas.

export const exitCodes = { ok: 0, never: 10, whenAble: 11, later: 75, terminated: 143 } as const
