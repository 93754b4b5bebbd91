// Ends what outlives a daemon, when all of it is taken away: what stands in its group, and what its store has recorded.
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { HostDatabase } from './host-database.ts'
import { findProcesses, type ProcessMark, signal } from './process-mark.ts'
import { ServingRecords } from './serving-records.ts'
import { WorkRecords } from './work-records.ts'

/** Engines and workers that a daemon which was begun by hand has left stand in no group of a unit. None of a store that cannot be read. */
export const recordedProcesses = (file: string): (() => readonly ProcessMark[]) => {
  const starts = existsSync(file) ? readStarts(file) : []
  return () => starts.flatMap(({ token, mark }) => findProcesses(token, mark))
}

interface Start {
  readonly token: string
  readonly mark?: ProcessMark
}

const readStarts = (file: string): readonly Start[] => {
  try {
    const database = new HostDatabase(file)
    try {
      const runs = new ServingRecords(database).all().flatMap(({ run }) => (run ? [run] : []))
      return [...runs, ...new WorkRecords(database).all()]
    } finally {
      database.close()
    }
  } catch {
    return []
  }
}

/** TERM, and after five seconds KILL, until none is left or they outlast ten. */
export const endProcesses = async (look: () => readonly ProcessMark[]): Promise<void> => {
  for (let looks = 0; looks < 100; looks++) {
    const left = look()
    for (const mark of left) signal(mark, looks < 50 ? 'SIGTERM' : 'SIGKILL')
    if (left.length === 0) return
    await sleep(100)
  }
}
