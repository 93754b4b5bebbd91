// Puts the parts of the host platform together: one database, every part on it.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Key, Runtime } from '../../domain/object.ts'
import type { Platform, Volumes } from '../../domain/platform.ts'
import type { EngineKeeper } from './engine-keeper.ts'
import { createProcessKeeper, type EnginePlaces } from './engine-process.ts'
import { HostDatabase } from './host-database.ts'
import { discoverAll, type Found, foldersToDiscover, type Shelf, withRuntimes } from './host-discover.ts'
import { HostJournal } from './host-journal.ts'
import { HostObjects } from './host-objects.ts'
import { HostPeople } from './host-people.ts'
import { createHostServings } from './host-servings.ts'
import { createHostStore } from './host-store.ts'
import { createHostVolumes } from './host-volumes.ts'
import { HostWork } from './host-work.ts'
import { JournalBound, type JournalKeeps } from './journal-bound.ts'
import { DeviceGate } from './monitor/device-gate.ts'
import { GpuLook } from './monitor/gpu-look.ts'
import { createMonitor, type Monitor, type RunningEngine } from './monitor/host-monitor.ts'
import type { ServingRecord } from './serving-records.ts'
import { Supervisor } from './supervisor.ts'
import type { Scope } from './systemd/scope.ts'
import { createUnitKeeper } from './systemd/unit-keeper.ts'
import { unitsFolder } from './systemd/unit-render.ts'

export interface UnitsWish {
  readonly scope: Scope
  /** what they cannot keep from engines here */
  readonly lack?: string
}

export interface HostParts {
  readonly stateFolder: string
  readonly modelsFolder: string
  readonly secretsFolder: string
  readonly journalKeeps: JournalKeeps
  /** this program, as words: what an engine inside it is started by */
  readonly program: readonly string[]
  /** the same for works: `worker run …` is put behind them */
  readonly worker: readonly string[]
  readonly workerEnvironment: Readonly<Record<string, string>>
  readonly engineEnvironment: Readonly<Record<string, string>>
  /** engines are our template units of that systemd; absent: plain processes */
  readonly units?: UnitsWish | undefined
  /** something beside the passes failed; it is tried again */
  readonly onFailure: (error: unknown) => void
  /** a sentence that a person may want to know */
  readonly onNotice: (sentence: string) => void
}

export interface Host {
  readonly platform: Platform
  /** words for people: what engines are here */
  readonly engines: string
  readonly people: HostPeople
  /** memory, disks, engines and GPUs as they are now */
  readonly monitor: Monitor
  readonly objects: HostObjects
  readonly diary: HostJournal
  /** What lies on the folders of Runtimes, where engines usually keep models, or in the one folder that is named. */
  readonly discover: (folder?: string) => Promise<readonly Found[]>
  /** Workers and engines go on. */
  close(): void
}

const now = (): Date => new Date()

const toRunning = (supervisor: Supervisor, record: ServingRecord): readonly RunningEngine[] => {
  const { namespace, name, run } = record
  const pids = run?.mark ? supervisor.leftOf(record, run).map(({ pid }) => pid) : []
  return pids.length > 0 ? [{ namespace, runtime: name, pids }] : []
}

const shelfOf = (volumes: Volumes, runtime: Runtime): readonly Shelf[] => {
  const found = volumes.find(runtime)
  const { namespace, name } = runtime.metadata
  return 'reason' in found ? [] : [{ runtime: `${namespace}/${name}`, layout: found.layout }]
}

const keeperOf = (parts: HostParts, places: EnginePlaces): EngineKeeper =>
  parts.units
    ? createUnitKeeper({ ...parts.units, folder: unitsFolder(parts), places })
    : createProcessKeeper(places)

/** Throws when another daemon has the folder. */
export const openHost = (parts: HostParts): Host => {
  const { stateFolder, modelsFolder, secretsFolder, program, worker, onFailure } = parts
  mkdirSync(stateFolder, { recursive: true, mode: 0o700 })
  mkdirSync(modelsFolder, { recursive: true })
  const database = new HostDatabase(join(stateFolder, 'switchyard.db'))
  const objects = new HostObjects(database)
  const journal = new HostJournal(database, now, onFailure)
  const bound = new JournalBound({ database, objects, keeps: parts.journalKeeps, now, onFailure })
  const store = createHostStore({ objects, journal })
  const volumes = createHostVolumes({ store, modelsFolder })
  const folder = join(stateFolder, 'works')
  const environment = parts.workerEnvironment
  const work = new HostWork({
    database,
    now,
    onFailure,
    program: { command: worker, environment, folder, secretsFolder },
  })
  const places = { folder: join(stateFolder, 'engines'), environment: parts.engineEnvironment, program }
  const gpus = new GpuLook({ environment: parts.engineEnvironment })
  const device = new DeviceGate({ gpus, onLate: parts.onNotice })
  const keeper = keeperOf(parts, places)
  const onChange = (key: Key): void => engines.tell(key)
  const supervisor = new Supervisor({ database, keeper, now, onFailure, onChange, device })
  const runtimes = () => objects.list('Runtime') as readonly Runtime[]
  const shelves = () => runtimes().flatMap(one => shelfOf(volumes, one))
  const folders = () => [...new Set(shelves().map(({ layout }) => layout.root))]
  const scope = parts.units?.scope ?? 'system'
  const engines = createHostServings({ supervisor, volumes, places, keeper, runtimes, scope })
  return {
    platform: { name: 'host', store, work, volumes, journal, servings: engines.servings },
    engines: keeper.what,
    people: new HostPeople({ objects, journal, now }),
    monitor: createMonitor({
      gpus,
      engines: () => supervisor.all().flatMap(record => toRunning(supervisor, record)),
      folders: () => [...new Set([stateFolder, ...folders()])],
    }),
    discover: async folder => {
      const usual = () => foldersToDiscover(folders(), environment['HOME'] ?? '/')
      const wanted = folder === undefined ? usual() : [folder]
      const all = await discoverAll({ command: worker, environment }, wanted)
      return all.map(found => withRuntimes(found, shelves()))
    },
    objects,
    diary: journal,
    close: () => {
      bound.stop()
      work.stop()
      engines.stop()
      supervisor.stop()
      database.close()
    },
  }
}
