// Puts the program on this machine as a service, and takes it away again: account, folders, units, the rule of polkit. Needs root.
import { execFile } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { hardenings } from '../../../domain/runtime-host.ts'
import { endProcesses } from '../left-processes.ts'
import { modelsGroup, wishesName } from './adoption-render.ts'
import { groupProcesses } from './control-groups.ts'
import {
  completionNames,
  copyBundle,
  replaceFile,
  type Shell,
  whyNoBundle,
  writeFileAt,
  writeLauncher,
} from './program-files.ts'
import {
  daemonUnit,
  renderDaemonUnit,
  renderPolkit,
  renderSlice,
  renderTemplateUnit,
  slice,
  socketFolder,
  templateFile,
  templates,
  type UnitPlaces,
  unitsFolder,
} from './unit-render.ts'

export interface InstallParts {
  /** the bundle that runs now, and the node that runs it */
  readonly bundle: string
  readonly node: string
  /** of each shell, what completes the commands */
  readonly completions: Readonly<Record<Shell, string>>
  readonly say: (line: string) => void
}

const execute = promisify(execFile)
export const run = async (...words: readonly [string, ...string[]]): Promise<string> =>
  (await execute(words[0], words.slice(1))).stdout

export const programFolder = '/usr/local/lib/switchyard'
const launcher = '/usr/local/bin/switchyard'
/** Where each shell looks by itself, beside the program: /usr/share is the package manager's. */
const completionFolder = '/usr/local/share'
const completionFiles = Object.values(completionNames).map(name => join(completionFolder, name))
const unitFolder = '/etc/systemd/system'
const polkitRule = '/etc/polkit-1/rules.d/50-switchyard.rules'
export const user = 'switchyard'
export const folders = {
  stateFolder: '/var/lib/switchyard',
  modelsFolder: '/var/lib/switchyard/models',
  cacheFolder: '/var/cache/switchyard',
  configFolder: '/etc/switchyard',
}

const placesOf = (node: string, groups: string): UnitPlaces => ({
  ...folders,
  program: [node, join(programFolder, 'switchyard.mjs')],
  user,
  deviceGroups: ['render', 'video'].filter(name => new RegExp(`^${name}:`, 'm').test(groups)),
  hasNvidia: existsSync('/dev/nvidiactl'),
})

const whyNot = ({ bundle }: Pick<InstallParts, 'bundle'>): string | undefined => {
  if (process.getuid?.() !== 0) return 'this changes the machine: run it as root, or as yourself with --user'
  if (!existsSync('/run/systemd/system'))
    return 'systemd does not run here: `switchyard host` needs no installing'
  return whyNoBundle(bundle)
}

/** Twice is an update: engines and workers go on, the daemon begins again. */
export const install = async (parts: InstallParts): Promise<number> => {
  const why = whyNot(parts)
  if (why) throw new Error(why)
  await makeUser()
  const node = copyProgram(parts)
  const places = placesOf(node, readFileSync('/etc/group', 'utf8'))
  await makeFolders(places)
  writeUnits(places)
  writeCompletions(parts)
  await run('systemctl', 'daemon-reload')
  await run('systemctl', 'enable', '--quiet', daemonUnit)
  await run('systemctl', 'restart', daemonUnit)
  tellInstalled(parts.say)
  return 0
}

const tellInstalled = (say: InstallParts['say']): void => {
  say(`${daemonUnit} runs, as the account ${user}, and starts with the machine.`)
  say(`  manifests  ${folders.configFolder}/manifests/*.yaml   write a Model and a Runtime there`)
  say(`  models     ${folders.modelsFolder}`)
  say(
    `  settings   ${folders.configFolder}/environment        SWITCHYARD_… lines, then systemctl restart switchyard`,
  )
  say('  log        journalctl -u switchyard')
  if (!existsSync('/usr/lib/polkit-1/polkitd') && !existsSync('/usr/libexec/polkitd'))
    say('polkit is not there: without it the daemon may not start engines. Install the package polkitd.')
}

const makeUser = async (): Promise<void> => {
  if (!(await run('getent', 'group', modelsGroup).catch(() => '')))
    await run('groupadd', '--system', modelsGroup)
  const known = await run('getent', 'passwd', user).catch(() => '')
  if (known) return
  const shape = ['--system', '--user-group', '--no-create-home', '--home-dir', folders.cacheFolder]
  await run('useradd', ...shape, '--shell', '/usr/sbin/nologin', user)
}

/** The account must reach node too: one in a home is copied. */
const copyProgram = ({ bundle, node }: InstallParts): string => {
  copyBundle(bundle, programFolder)
  const isReached = realpathSync(node).startsWith('/usr/') || realpathSync(node).startsWith('/opt/')
  const used = isReached ? realpathSync(node) : join(programFolder, 'node')
  if (!isReached) replaceFile(node, used, 0o755)
  writeLauncher(launcher, [used, join(programFolder, 'switchyard.mjs')])
  return used
}

const makeFolders = async (places: UnitPlaces): Promise<void> => {
  const [uid = '', gid = ''] = (await run('getent', 'passwd', user)).split(':').slice(2, 4)
  const { stateFolder, modelsFolder, cacheFolder } = places
  const own = [stateFolder, modelsFolder, cacheFolder, unitsFolder(places), join(stateFolder, wishesName)]
  const secrets = join(places.configFolder, 'secrets')
  mkdirSync(join(places.configFolder, 'manifests'), { recursive: true, mode: 0o755 })
  for (const folder of [...own, secrets]) {
    mkdirSync(folder, { recursive: true })
    lchownSync(folder, Number(uid), Number(gid))
    chmodSync(folder, folder === secrets || folder === unitsFolder(places) ? 0o700 : 0o755)
  }
  // What an installation before has left, as root's.
  giveTo(places.modelsFolder, Number(uid), Number(gid))
  await shareModels(places.modelsFolder)
}

const asUser = ['setpriv', `--reuid=${user}`, `--regid=${user}`, `--groups=${modelsGroup}`, '--'] as const

/**
 * With the group that units of others are given, also what is still to come. As the account that owns the files: for root its folders could
 * lead anywhere. False: some are another account's.
 */
export const shareModels = async (folder: string): Promise<boolean> => {
  try {
    await run(...asUser, 'chgrp', '--recursive', '--no-dereference', modelsGroup, folder)
    await run(...asUser, 'find', folder, '-type', 'd', '-exec', 'chmod', 'g+rxs', '{}', '+')
    return true
  } catch {
    return false
  }
}

/** Links are what they are: what they lead to is left alone. */
const giveTo = (path: string, uid: number, gid: number): void => {
  const stats = lstatSync(path)
  if (stats.uid !== uid) lchownSync(path, uid, gid)
  if (stats.isDirectory()) for (const name of readdirSync(path)) giveTo(join(path, name), uid, gid)
}

const writeUnits = (places: UnitPlaces): void => {
  mkdirSync(unitFolder, { recursive: true })
  writeFileSync(join(unitFolder, daemonUnit), renderDaemonUnit(places))
  writeFileSync(join(unitFolder, slice), renderSlice())
  for (const one of hardenings)
    writeFileSync(join(unitFolder, templateFile(one)), renderTemplateUnit(one, places))
  mkdirSync(dirname(polkitRule), { recursive: true })
  writeFileSync(polkitRule, renderPolkit(places))
}

const writeCompletions = ({ completions }: InstallParts): void => {
  for (const [shell, name] of Object.entries(completionNames))
    writeFileAt(join(completionFolder, name), completions[shell as Shell])
}

export interface Purge {
  /** models that we fetched go too */
  readonly isWanted: boolean
  /** asks a person; false: nothing is to be touched */
  readonly ask: (question: string) => Promise<boolean>
  /** names of the copies in a folder that hold bytes of somebody else; rejects when that cannot be known */
  readonly foreign: (folder: string) => Promise<readonly string[]>
}

export interface UninstallParts extends Pick<InstallParts, 'say'> {
  /** of units of others, after the daemon has ended and before its files go */
  readonly release: () => Promise<void>
}

/** Nothing is left but the models and their receipts. */
export const uninstall = async ({ say, release }: UninstallParts, purge: Purge): Promise<number> => {
  if (process.getuid?.() !== 0)
    throw new Error('this changes the machine: run it as root, or as yourself with --user')
  if (purge.isWanted) await checkPurge(purge, folders.modelsFolder)
  await endAll()
  await release()
  rmSync(polkitRule, { force: true })
  for (const name of [daemonUnit, slice, ...hardenings.map(templateFile)])
    rmSync(join(unitFolder, name), { force: true })
  await run('systemctl', 'daemon-reload')
  removeState(purge.isWanted)
  const { cacheFolder, configFolder } = folders
  for (const path of [cacheFolder, configFolder, socketFolder, programFolder, launcher, ...completionFiles])
    rmSync(path, { recursive: true, force: true })
  await run('userdel', user).catch(() => undefined)
  await run('groupdel', modelsGroup).catch(() => undefined)
  say(
    existsSync(folders.modelsFolder) ? `Gone, but the models: ${folders.modelsFolder} (now root's)` : 'Gone.',
  )
  return 0
}

/** Before anything is touched. */
export const checkPurge = async ({ ask, foreign }: Purge, modelsFolder: string): Promise<void> => {
  const [first, ...others] = await foreign(modelsFolder)
  if (first !== undefined)
    throw new Error(
      `--purge-models: ${[first, ...others].join(', ')} in ${modelsFolder} was there before Switchyard and is not deleted: ` +
        'delete the other Models (`switchyard delete`) and uninstall without --purge-models',
    )
  if (!(await ask(`Delete every model in ${modelsFolder}? What lies elsewhere stays.`)))
    throw new Error('nothing was touched: uninstall without --purge-models keeps the models')
}

const endAll = async (): Promise<void> => {
  const engines = hardenings.map(one => `${templates[one]}@*.service`)
  await run('systemctl', 'disable', '--now', '--quiet', daemonUnit).catch(() => undefined)
  await run('systemctl', 'stop', ...engines, slice).catch(() => undefined)
  await run('systemctl', 'reset-failed', daemonUnit, ...engines).catch(() => undefined)
  // Not what the store has recorded: it is the account's, and root ends nothing at its word.
  await endProcesses(() => groupProcesses(`system.slice/${daemonUnit}`))
}

const removeState = (isPurged: boolean): void => {
  const { stateFolder, modelsFolder } = folders
  if (!existsSync(stateFolder)) return
  const names = readdirSync(stateFolder).map(name => join(stateFolder, name))
  for (const path of names.filter(path => isPurged || path !== modelsFolder))
    rmSync(path, { recursive: true, force: true })
  if (readdirSync(stateFolder).length === 0) rmdirSync(stateFolder)
  // The number of an account that is gone is given to the next one.
  else giveTo(stateFolder, 0, 0)
}
