// Waiting in the time of the platform under test: a clock that is turned by hand, or the real one.

/** Lets a moment pass: 50 ms of the platform's time. */
export type Pass = () => Promise<unknown>

/** A minute of the platform's time. */
const patience = 1_200

type Answer<T> = T | undefined | false

/** The first answer that is neither undefined nor false. */
export const seen = async <T>(
  pass: Pass,
  what: string,
  ask: () => Answer<T> | Promise<Answer<T>>,
): Promise<T> => {
  for (let passed = 0; passed < patience; passed++) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    await pass()
  }
  throw new Error(`not seen within a minute: ${what}`)
}

/** Time goes on until the promise is settled. */
export const during = async <T>(pass: Pass, promise: Promise<T>): Promise<T> => {
  let isOpen = true
  const close = (): void => {
    isOpen = false
  }
  promise.then(close, close)
  while (isOpen) await pass()
  return promise
}
