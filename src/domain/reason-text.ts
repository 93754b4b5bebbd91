// What is told of a reason.

export interface ReasonText {
  /** what it means */
  readonly means: string
  /** what to do; empty when nothing has to be done */
  readonly todo: string
}

export const text = (means: string, todo = ''): ReasonText => ({ means, todo })
