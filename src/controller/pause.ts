// Lets the rest of the process have its turn: looks that find nothing to do wait for nothing, and thousands of them in a row
// would keep watch events, answers and the Lease waiting.

/** Undefined while there is no need to wait. */
export type Pause = () => Promise<void> | undefined

const longestTurnMs = 5

export const createPause = (): Pause => {
  let begun = performance.now()
  return () => {
    if (performance.now() - begun < longestTurnMs) return undefined
    return new Promise(resolve =>
      setImmediate(() => {
        begun = performance.now()
        resolve()
      }),
    )
  }
}
