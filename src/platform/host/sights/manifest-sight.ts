// A manifests folder as a daemon would take it, on an empty store in memory: what is refused, and what would come of the rest.
import { statSync } from 'node:fs'
import type { Model, Runtime } from '../../../domain/object.ts'
import { HostDatabase } from '../host-database.ts'
import { HostJournal } from '../host-journal.ts'
import { HostObjects } from '../host-objects.ts'
import { HostPeople } from '../host-people.ts'
import { Manifests } from '../manifests.ts'

export interface ManifestSight {
  readonly isThere: boolean
  readonly refused: readonly { readonly file: string; readonly sentence: string }[]
  readonly models: readonly Model[]
  readonly runtimes: readonly Runtime[]
}

export const readManifestSight = (folder: string): ManifestSight => {
  const database = new HostDatabase(':memory:')
  const now = (): Date => new Date()
  const objects = new HostObjects(database)
  const people = new HostPeople({ objects, journal: new HostJournal(database, now), now })
  const refused: { file: string; sentence: string }[] = []
  const onRefused = (file: string, sentence: string): void => void refused.push({ file, sentence })
  new Manifests({ people, folder, onRefused }).stop()
  const sight = {
    isThere: statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false,
    refused,
    models: objects.list('Model') as readonly Model[],
    runtimes: objects.list('Runtime') as readonly Runtime[],
  }
  database.close()
  return sight
}
