// A host for tests: a folder of its own, the database in it, and the parts that stand on it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HostDatabase } from '../../../src/platform/host/host-database.ts'
import { HostJournal } from '../../../src/platform/host/host-journal.ts'
import { HostObjects } from '../../../src/platform/host/host-objects.ts'
import { HostPeople } from '../../../src/platform/host/host-people.ts'
import { createHostStore } from '../../../src/platform/host/host-store.ts'

const now = (): Date => new Date()

export const pass = (): Promise<void> => sleep(50)

/** A folder, and what takes it away. */
export const aFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-host-'))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** The parts as a daemon that starts puts them together. */
export const partsOn = (database: HostDatabase) => {
  const objects = new HostObjects(database)
  const journal = new HostJournal(database, now)
  const people = new HostPeople({ objects, journal, now })
  return { database, objects, journal, people, store: createHostStore({ objects, journal }) }
}

export const openParts = (folder: string) => partsOn(new HostDatabase(join(folder, 'switchyard.db')))
