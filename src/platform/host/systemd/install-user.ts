// Puts the program into one user's own systemd, and takes it away again: no root, nothing outside of the home.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { hardenings } from '../../../domain/runtime-host.ts'
import { endProcesses, recordedProcesses } from '../left-processes.ts'
import { readStoreSight } from '../sights/store-sight.ts'
import { groupProcesses } from './control-groups.ts'
import { checkPurge, type InstallParts, type Purge, run } from './install.ts'
import { completionNames, copyBundle, whyNoBundle, writeFileAt, writeLauncher } from './program-files.ts'
import { systemctl } from './scope.ts'
import { noNamespaces } from './unit-keeper.ts'
import { daemonUnit, renderSlice, slice, templateFile, templates } from './unit-render.ts'
import { renderUserDaemon, renderUserTemplate, type UserUnitPlaces, userFolders } from './user-unit-render.ts'

/** Who runs this, as the environment tells. */
export interface User {
  readonly home: string
  readonly path: string
  readonly runtimeFolder: string | undefined
}

interface UserInstallParts extends InstallParts {
  readonly user: User
}

/** Its shells look there by themselves; for zsh there is no such folder. */
const shells = ['bash', 'fish'] as const
const completionFolder = '.local/share'

const here = ({ home }: User, name: keyof typeof userFolders): string => join(home, userFolders[name])

const whyNot = async (user: User): Promise<string | undefined> =>
  (await whyNoSystemd(user)) ?? (await whoHasStore(user))

const whyNoSystemd = async ({ home, runtimeFolder }: User): Promise<string | undefined> => {
  const uid = process.getuid?.() ?? 0
  if (uid === 0) return '--user is for a person without root: as root leave it away'
  if (!home.startsWith('/')) return 'HOME does not name your home'
  if (!existsSync('/run/systemd/system'))
    return 'systemd does not run here: `switchyard host` needs no installing'
  if (!runtimeFolder && existsSync(`/run/user/${uid}`))
    return `this shell does not know your systemd: export XDG_RUNTIME_DIR=/run/user/${uid}, and run it again`
  return systemctl('user', ['show', '--property', 'Version']).then(
    () => undefined,
    () =>
      `no systemd of yours runs: log in as ${userInfo().username} (ssh, a console; not su or sudo), or let it run always: sudo loginctl enable-linger ${userInfo().username}`,
  )
}

/** A daemon that was begun by hand: two of them cannot have one store, and none can have one that is taken away. */
const whoHasStore = async (user: User): Promise<string | undefined> => {
  const sight = readStoreSight(join(here(user, 'state'), 'switchyard.db'))
  if (sight.state !== 'InUse') return undefined
  const own = await systemctl('user', ['show', '-P', 'MainPID', daemonUnit])
  return Number(own) === sight.pid
    ? undefined
    : `${sight.program} (PID ${sight.pid}) has the store of ${here(user, 'state')}: end it (kill ${sight.pid}), its engines go on`
}

/** Twice is an update: engines and workers go on, the daemon begins again. */
export const installUser = async (parts: UserInstallParts): Promise<number> => {
  const { user, bundle, node } = parts
  const why = (await whyNot(user)) ?? whyNoBundle(bundle)
  if (why) throw new Error(why)
  const program = join(here(user, 'program'), 'switchyard.mjs')
  copyBundle(bundle, here(user, 'program'))
  writeLauncher(here(user, 'launcher'), [realpathSync(node), program])
  makeFolders(user)
  const places = { node: realpathSync(node), path: user.path, hasNamespaces: await hasNamespaces() }
  writeUnits(user, places)
  for (const shell of shells)
    writeFileAt(join(user.home, completionFolder, completionNames[shell]), parts.completions[shell])
  await systemctl('user', ['daemon-reload'])
  await systemctl('user', ['enable', daemonUnit])
  await systemctl('user', ['restart', daemonUnit]).catch(() => {
    throw new Error(`${daemonUnit} did not start: journalctl --user -u switchyard says why`)
  })
  tellInstalled(parts, places)
  return 0
}

const makeFolders = (user: User): void => {
  for (const name of ['models', 'cache', 'engineHome'] as const)
    mkdirSync(here(user, name), { recursive: true })
  mkdirSync(join(here(user, 'config'), 'manifests'), { recursive: true })
  const closed = [
    here(user, 'state'),
    join(here(user, 'state'), 'units'),
    join(here(user, 'config'), 'secrets'),
  ]
  for (const folder of closed) {
    mkdirSync(folder, { recursive: true })
    chmodSync(folder, 0o700)
  }
}

/** Asked of systemd itself: kernels, containers and AppArmor each may forbid them. */
const hasNamespaces = (): Promise<boolean> =>
  run(
    ...(['systemd-run', '--user', '--quiet', '--wait', '--collect'] as const),
    ...['PrivateUsers=yes', 'ProtectSystem=strict', 'PrivateTmp=yes'].map(one => `--property=${one}`),
    'true',
  ).then(
    () => true,
    () => false,
  )

const writeUnits = (user: User, places: UserUnitPlaces): void => {
  const folder = here(user, 'units')
  writeFileAt(join(folder, daemonUnit), renderUserDaemon(places))
  writeFileSync(join(folder, slice), renderSlice())
  for (const one of hardenings)
    writeFileSync(join(folder, templateFile(one)), renderUserTemplate(one, places))
}

const tellInstalled = ({ user, say }: UserInstallParts, { hasNamespaces }: UserUnitPlaces): void => {
  const { username } = userInfo()
  say(`${daemonUnit} runs in the systemd of ${username}.`)
  say(`  manifests  ${here(user, 'config')}/manifests/*.yaml   write a Model and a Runtime there`)
  say(`  models     ${here(user, 'models')}`)
  say(
    `  settings   ${here(user, 'config')}/environment        SWITCHYARD_… lines, then systemctl --user restart switchyard`,
  )
  say('  log        journalctl --user -u switchyard')
  say(`  program    ${here(user, 'launcher')}${onPath(user)}`)
  if (!existsSync(`/var/lib/systemd/linger/${username}`))
    say(
      `${username} does not linger: engines end with your last session, and nothing starts with the machine. loginctl enable-linger changes that.`,
    )
  if (!hasNamespaces) say(`Engines are not kept from the files of ${username}: ${noNamespaces}.`)
  if (!existsSync('/var/log/journal'))
    say('The journal is kept in memory here, and read by members of the group systemd-journal alone.')
}

const onPath = (user: User): string =>
  user.path.split(':').includes(join(user.home, '.local/bin'))
    ? ''
    : '   ~/.local/bin is not on your PATH yet'

/** Nothing is left but the models and their receipts. */
export const uninstallUser = async (
  { say, user }: Pick<UserInstallParts, 'say' | 'user'>,
  purge: Purge,
): Promise<number> => {
  const why = await whyNot(user)
  if (why) throw new Error(why)
  const models = here(user, 'models')
  if (purge.isWanted) await checkPurge(purge, models)
  await endAll(user)
  for (const name of [daemonUnit, slice, ...hardenings.map(templateFile)])
    rmSync(join(here(user, 'units'), name), { force: true })
  await systemctl('user', ['daemon-reload'])
  for (const path of ownPaths(user, purge.isWanted)) rmSync(path, { recursive: true, force: true })
  for (const folder of [here(user, 'cache'), here(user, 'state')]) removeEmpty(folder)
  say(existsSync(models) ? `Gone, but the models: ${models}` : 'Gone.')
  return 0
}

const endAll = async (user: User): Promise<void> => {
  const engines = hardenings.map(one => `${templates[one]}@*.service`)
  const group = await systemctl('user', ['show', '-P', 'ControlGroup', daemonUnit])
  for (const words of [
    ['disable', '--now', daemonUnit],
    ['stop', ...engines, slice],
    ['reset-failed', daemonUnit, ...engines],
  ])
    await systemctl('user', words).catch(() => undefined)
  const recorded = recordedProcesses(join(here(user, 'state'), 'switchyard.db'))
  await endProcesses(() => [...(group.trim() ? groupProcesses(group.trim()) : []), ...recorded()])
}

/** The cache has what others may have made there: of it goes what we did. */
const ownPaths = (user: User, isPurged: boolean): readonly string[] => [
  here(user, 'program'),
  here(user, 'launcher'),
  here(user, 'config'),
  here(user, 'engineHome'),
  ...namesIn(here(user, 'cache')).filter(path => /\/(compiled|llama-cpp-[^/]+)$/.test(path)),
  ...namesIn(here(user, 'state')).filter(path => isPurged || path !== here(user, 'models')),
  ...shells.map(shell => join(user.home, completionFolder, completionNames[shell])),
]

const namesIn = (folder: string): readonly string[] =>
  existsSync(folder) ? readdirSync(folder).map(name => join(folder, name)) : []

const removeEmpty = (folder: string): void => {
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder)
}
