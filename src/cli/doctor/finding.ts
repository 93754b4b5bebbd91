// What one check found: how it stands, in a sentence with its figures, and what a person can do about it.

export const states = ['Good', 'Warning', 'Fault', 'NotLooked'] as const
export type FindingState = (typeof states)[number]

export interface Finding {
  /** what was looked at, in one or two words */
  readonly check: string
  readonly state: FindingState
  readonly message: string
  /** there whenever something is to be done */
  readonly fix?: string
}

export const good = (check: string, message: string): Finding => ({ check, state: 'Good', message })

/** It works now and will not always. */
export const warning = (check: string, message: string, fix: string): Finding => ({
  check,
  state: 'Warning',
  message,
  fix,
})

export const fault = (check: string, message: string, fix: string): Finding => ({
  check,
  state: 'Fault',
  message,
  fix,
})

/** There is nothing to look at, which is no fault. */
export const notLooked = (check: string, message: string): Finding => ({ check, state: 'NotLooked', message })

export const hasFault = (findings: readonly Finding[]): boolean =>
  findings.some(({ state }) => state === 'Fault')
