// Questions to engines that are on their way: nobody waits for the answer of a pod that is gone, which would come after its time limit.
import type { PodSight } from '../domain/platform.ts'

/** The run of an engine that is asked. */
export interface AskedRun {
  readonly pod: string
  readonly restarts: number
  readonly isReady: boolean
}

interface Question {
  readonly run: AskedRun
  readonly leave: () => void
}

export const isSameRun = (run: AskedRun, pod: PodSight): boolean =>
  run.pod === pod.name && run.restarts === pod.restarts

/** There is another pod, or none, or it is not ready any more. */
export const isLeft = (run: AskedRun, pod: PodSight | undefined): boolean =>
  !pod || !isSameRun(run, pod) || (run.isReady && !pod.isReady) || pod.isLost === true

/** At most one question of a Runtime is on its way: one pass at a time looks at it. */
export class Questions {
  readonly #open = new Map<string, Question>()

  /** Undefined when the pod was left first. */
  async ask<T>(uid: string, run: AskedRun, answer: Promise<T>): Promise<T | undefined> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const question = { run, leave: () => resolve(undefined) }
    this.#open.set(uid, question)
    try {
      return await Promise.race([answer, promise])
    } finally {
      if (this.#open.get(uid) === question) this.#open.delete(uid)
    }
  }

  heed(uid: string, pod: PodSight | undefined): void {
    const question = this.#open.get(uid)
    if (question && isLeft(question.run, pod)) question.leave()
  }
}
