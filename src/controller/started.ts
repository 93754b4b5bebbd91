// Works that this process has started and its cache does not show yet: counted as running, so that limits hold.
import type { Clock, WorkView } from '../domain/platform.ts'

export interface Started {
  add(work: WorkView): void
  /** It was refused, or is shown by now, running or ended. */
  drop(id: string): void
  /** What runs, in the namespace or everywhere: the cache's list and what it does not show yet. */
  join(listed: readonly WorkView[], namespace?: string): readonly WorkView[]
}

const patience = 30_000

export const createStarted = (clock: Clock): Started => {
  const works = new Map<string, { readonly work: WorkView; readonly until: number }>()
  return {
    add: work => void works.set(work.id, { work, until: clock.now().getTime() + patience }),
    drop: id => void works.delete(id),
    join: (listed, namespace) => {
      const now = clock.now().getTime()
      const shown = new Set(listed.map(work => work.id))
      for (const [id, { until }] of works) if (until < now || shown.has(id)) works.delete(id)
      const unseen = [...works.values()]
        .map(({ work }) => work)
        .filter(work => namespace === undefined || work.owner.namespace === namespace)
      return [...listed, ...unseen]
    },
  }
}
