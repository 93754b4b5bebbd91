// Engines as instances of our template units: systemd starts them and holds their limits, their cgroup says what is left of them,
// the journal what they told; of a user's, who may not read every journal, a file.

import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Ref } from '../../../domain/object.ts'
import { hardenings } from '../../../domain/runtime-host.ts'
import type { EngineKeeper } from '../engine-keeper.ts'
import { makeLog, readLog, removeLogs, shortenLog } from '../engine-logs.ts'
import { type EnginePlaces, toWords } from '../engine-process.ts'
import { findProcesses, type ProcessMark, tokenVariable } from '../process-mark.ts'
import type { Run, ServingRecord } from '../serving-records.ts'
import { groupProcesses } from './control-groups.ts'
import { groupOf, ofUnit, type Scope, systemctl } from './scope.ts'
import { journalLines } from './system-journal.ts'
import { renderEnvironment, slice, templates } from './unit-render.ts'

export interface UnitKeeperParts {
  readonly scope: Scope
  /** `<folder>/<instance>.env`: what the template units read */
  readonly folder: string
  readonly places: EnginePlaces
  /** what this machine does not give of `spec.host.hardening`, in a sentence */
  readonly lack?: string
}

/** Names have no dots, so that two Runtimes never have one instance. */
export const instanceOf = ({ namespace, name }: Ref): string =>
  namespace === 'default' ? name : `${namespace}.${name}`

const unitOf = (ref: Ref, { template }: Pick<Run, 'template'>): string =>
  `${templates[template.hardening ?? 'Strict']}@${instanceOf(ref)}.service`

export const createUnitKeeper = (parts: UnitKeeperParts): EngineKeeper => {
  const { scope, folder, lack } = parts
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return {
    what: whatOf[scope],
    isLimiting: true,
    ...(lack === undefined ? {} : { lack }),
    start: (record, run) => ({ mark: undefined, ...begin(parts, record, run) }),
    left: (ref, run) => left(`${groupOf(scope)}/${slice}/${unitOf(ref, run)}`, run),
    endOf: (ref, run) => endOf(scope, unitOf(ref, run)),
    drop: ref => drop(parts, ref),
    ...logging[scope](parts),
  }
}

const whatOf: Record<Scope, string> = { system: 'units of systemd', user: "units of this user's systemd" }

type Logging = Pick<EngineKeeper, 'logs' | 'shortenLog'>

/** Whether a user may read a journal depends on the machine. */
const logging: Record<Scope, (parts: UnitKeeperParts) => Logging> = {
  system: () => ({ logs: logsOfJournal }),
  user: ({ places }) => ({
    logs: async (ref, run, lines) => readLog(places, ref, run).slice(-lines),
    shortenLog: (ref, { name }) => shortenLog(places, ref, name),
  }),
}

/** `restart`: an instance that somebody started by hand has other words than ours. */
const begin = (parts: UnitKeeperParts, record: ServingRecord, run: Run) => {
  const { scope, places } = parts
  const environment = renderEnvironment({
    ...run,
    template: { ...run.template, words: toWords(places, run.template.words) },
    run: run.name,
    tokenVariable,
    environment: places.environment,
  })
  if (scope === 'user') leadLog(parts, record, run)
  const file = join(parts.folder, `${instanceOf(record)}.env`)
  writeFileSync(`${file}.new`, environment, { mode: 0o600 })
  renameSync(`${file}.new`, file)
  const begun = systemctl(scope, ['restart', unitOf(record, run)])
  return {
    begun: begun.then(
      () => undefined,
      () => undefined,
    ),
    // One that was started ends later, and its unit says how.
    ended: new Promise<string>(resolve => begun.catch(error => resolve(wordsOf(error)))),
  }
}

/** The unit writes to the name of its instance, which leads to the file of this run. */
const leadLog = ({ folder, places }: UnitKeeperParts, ref: Ref, { name }: Run): void => {
  const link = join(folder, `${instanceOf(ref)}.log`)
  const { logFile } = makeLog(places, ref, name)
  // Nobody else's from its first moment: systemd would make it by its own umask.
  closeSync(openSync(logFile, 'a', 0o600))
  rmSync(`${link}.new`, { force: true })
  symlinkSync(logFile, `${link}.new`)
  renameSync(`${link}.new`, link)
}

const wordsOf = (error: unknown): string => {
  const { stderr = '', message } = error as Error & { readonly stderr?: string }
  return stderr.trim().split('\n')[0] || message
}

const left = (group: string, { token, mark }: Run): readonly ProcessMark[] => {
  const ofUnit = groupProcesses(group)
  const ofToken = findProcesses(token, mark).filter(({ pid }) => !ofUnit.some(one => one.pid === pid))
  return [...ofUnit, ...ofToken]
}

type Properties = Readonly<Record<string, string>>

const propertiesOf = async (scope: Scope, unit: string): Promise<Properties> => {
  const names = 'LoadState,ActiveState,Result,ExecMainCode,ExecMainStatus,PrivateUsers'
  const text = await systemctl(scope, ['show', '--property', names, unit])
  return Object.fromEntries(
    text.split('\n').map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}

const over = ['inactive', 'failed']

/** `CLD_EXITED` is 1; what was killed has the number of its signal. */
const endOf = async (scope: Scope, unit: string): Promise<string | undefined> => {
  const { ActiveState = '', Result, ExecMainCode, ExecMainStatus } = await propertiesOf(scope, unit)
  if (!over.includes(ActiveState)) return undefined
  if (Result === 'oom-kill') return 'killed by the kernel: out of memory'
  if (ExecMainCode === '1') return `exit code ${ExecMainStatus}`
  if (ExecMainCode === '2' || ExecMainCode === '3') return `signal ${signalName(Number(ExecMainStatus))}`
  return 'its unit does not remember how'
}

const signalNames: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  15: 'SIGTERM',
  31: 'SIGSYS',
}

const signalName = (number: number): string => signalNames[number] ?? String(number)

/** Each run has its own name in the journal; a name that was there for a Runtime before has another unit or is older than what is asked. */
const logsOfJournal = async (ref: Ref, run: string, lines: number): Promise<readonly string[]> => {
  const units = hardenings.flatMap(one => ofUnit('system', `${templates[one]}@${instanceOf(ref)}.service`))
  return journalLines([...units, '--identifier', run], lines)
}

const drop = ({ scope, folder, places }: UnitKeeperParts, ref: Ref): void => {
  for (const kind of ['env', 'log']) rmSync(join(folder, `${instanceOf(ref)}.${kind}`), { force: true })
  if (scope === 'user') removeLogs(places, ref)
  const units = hardenings.map(one => `${templates[one]}@${instanceOf(ref)}.service`)
  for (const unit of units) systemctl(scope, ['reset-failed', unit]).catch(() => undefined)
}

const installs: Record<Scope, string> = { system: 'switchyard install', user: 'switchyard install --user' }

export interface UnitSight {
  /** why engines cannot be units here, in one line */
  readonly why?: string
  /** what their units cannot keep from them here, in one line */
  readonly lack?: string
}

/** What the machine gives to engines that are to be units. */
export const sightUnits = async (scope: Scope): Promise<UnitSight> => {
  if (!existsSync('/run/systemd/system')) return { why: 'systemd does not run here' }
  const probe = `${templates.Strict}@probe.service`
  const { LoadState, PrivateUsers } = await propertiesOf(scope, probe).catch(unanswered)
  if (LoadState !== 'loaded')
    return {
      why: `the unit ${templates.Strict}@.service is not there (${LoadState}): run ${installs[scope]}`,
    }
  return scope === 'user' && PrivateUsers === 'no' ? { lack: noNamespaces } : {}
}

const unanswered = (error: unknown): Properties => ({ LoadState: wordsOf(error) })

/** Said where units are written without them, and where somebody asks for more. */
export const noNamespaces =
  'this machine lets no user have namespaces of his own, so that only system calls are limited and files are not'
