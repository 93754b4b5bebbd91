// Chance from a number: the same seed is the same run, on every machine.

/** Park and Miller. */
export const randomOf = (seed: number): (() => number) => {
  let state = (seed * 2_654_435_761 + 1) % 2_147_483_647
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

const fromEnvironment = process.env['SWITCHYARD_SEED']

/** Every seed of a run, or the one that SWITCHYARD_SEED names. */
export const seedsOf = (count: number, first = 0): readonly number[] =>
  fromEnvironment === undefined
    ? Array.from({ length: count }, (_, i) => first + i)
    : [Number(fromEnvironment)].filter(seed => seed >= first && seed < first + count)

/** What a person types to see one seed again. */
export const replayOf = (seed: number, file: string): string =>
  `SWITCHYARD_SEED=${seed} npx vitest run --project simulation test/simulation/${file}`
