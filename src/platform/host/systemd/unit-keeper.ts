// Engines as instances of our template units: systemd starts them and holds their limits, their cgroup says what is left of them,
// the journal what they told.

import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Ref } from '../../../domain/object.ts'
import { hardenings } from '../../../domain/runtime-host.ts'
import type { EngineKeeper } from '../engine-keeper.ts'
import { findProcesses, markOf, type ProcessMark, tokenVariable } from '../process-mark.ts'
import type { Run, ServingRecord } from '../serving-records.ts'
import { groupPids } from './control-groups.ts'
import { journalLines } from './system-journal.ts'
import { renderEnvironment, slice, templates } from './unit-render.ts'

const execute = promisify(execFile)

export interface UnitKeeperParts {
  /** `<folder>/<instance>.env`: what the template units read */
  readonly folder: string
  /** what engines are started with */
  readonly environment: Readonly<Record<string, string>>
}

/** Names have no dots, so that two Runtimes never have one instance. */
export const instanceOf = ({ namespace, name }: Ref): string =>
  namespace === 'default' ? name : `${namespace}.${name}`

const unitOf = (ref: Ref, { template }: Pick<Run, 'template'>): string =>
  `${templates[template.hardening ?? 'Strict']}@${instanceOf(ref)}.service`

export const createUnitKeeper = (parts: UnitKeeperParts): EngineKeeper => {
  mkdirSync(parts.folder, { recursive: true, mode: 0o700 })
  return {
    what: 'units of systemd',
    isLimiting: true,
    start: (record, run) => ({ mark: undefined, ...begin(parts, record, run) }),
    left: (ref, run) => left(unitOf(ref, run), run),
    endOf: (ref, run) => endOf(unitOf(ref, run)),
    logs,
    drop: ref => drop(parts, ref),
  }
}

/** `restart`: an instance that somebody started by hand has other words than ours. */
const begin = (parts: UnitKeeperParts, record: ServingRecord, run: Run) => {
  const environment = renderEnvironment({
    ...run,
    run: run.name,
    tokenVariable,
    environment: parts.environment,
  })
  const file = join(parts.folder, `${instanceOf(record)}.env`)
  writeFileSync(`${file}.new`, environment, { mode: 0o600 })
  renameSync(`${file}.new`, file)
  const begun = systemctl('restart', unitOf(record, run))
  return {
    begun: begun.then(
      () => undefined,
      () => undefined,
    ),
    // One that was started ends later, and its unit says how.
    ended: new Promise<string>(resolve => begun.catch(error => resolve(wordsOf(error)))),
  }
}

const systemctl = async (...words: readonly string[]): Promise<string> =>
  (await execute('systemctl', ['--no-ask-password', '--quiet', ...words], { timeout: 120_000 })).stdout

const wordsOf = (error: unknown): string => {
  const { stderr = '', message } = error as Error & { readonly stderr?: string }
  return stderr.trim().split('\n')[0] || message
}

const left = (unit: string, { token, mark }: Run): readonly ProcessMark[] => {
  const ofUnit = groupPids(`${slice}/${unit}`).map(markOf)
  const ofToken = findProcesses(token, mark).filter(({ pid }) => !ofUnit.some(one => one?.pid === pid))
  return [...ofUnit.filter(one => one !== undefined), ...ofToken]
}

const propertiesOf = async (unit: string): Promise<Readonly<Record<string, string>>> => {
  const names = 'LoadState,ActiveState,Result,ExecMainCode,ExecMainStatus'
  const text = await systemctl('show', '--property', names, unit)
  return Object.fromEntries(
    text.split('\n').map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}

const over = ['inactive', 'failed']

/** `CLD_EXITED` is 1; what was killed has the number of its signal. */
const endOf = async (unit: string): Promise<string | undefined> => {
  const { ActiveState = '', Result, ExecMainCode, ExecMainStatus } = await propertiesOf(unit)
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
const logs = async (ref: Ref, run: string, lines: number): Promise<readonly string[]> => {
  const units = hardenings.flatMap(hardening => [
    '--unit',
    `${templates[hardening]}@${instanceOf(ref)}.service`,
  ])
  return journalLines([...units, '--identifier', run], lines)
}

const drop = ({ folder }: UnitKeeperParts, ref: Ref): void => {
  rmSync(join(folder, `${instanceOf(ref)}.env`), { force: true })
  for (const hardening of hardenings)
    systemctl('reset-failed', `${templates[hardening]}@${instanceOf(ref)}.service`).catch(() => undefined)
}

/** Why engines cannot be units here, in one line. */
export const whyNoUnits = async (): Promise<string | undefined> => {
  if (!existsSync('/run/systemd/system')) return 'systemd does not run here'
  const probe = `${templates.Strict}@probe.service`
  const { LoadState } = await propertiesOf(probe)
  return LoadState === 'loaded'
    ? undefined
    : `the unit ${templates.Strict}@.service is not there (${LoadState}): run switchyard install`
}
