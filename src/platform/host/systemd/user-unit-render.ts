// The units of one user as text: what his own systemd can do without root. Pure; what is shipped in config/systemd/user is printed from here.
// `%h` is his home, and `%i` the Runtime, so that they are the same for everybody but for two words: Node and the PATH.
import type { Hardening } from '../../../domain/runtime-host.ts'
import { engineLife, slice, unitText, word } from './unit-render.ts'

export interface UserUnitPlaces {
  readonly node: string
  /** where the programs of engines are found */
  readonly path: string
  /** the kernel lets a user have namespaces of his own; without them only system calls can be limited */
  readonly hasNamespaces: boolean
}

/** Below the home. */
export const userFolders = {
  program: '.local/lib/switchyard',
  launcher: '.local/bin/switchyard',
  units: '.config/systemd/user',
  config: '.config/switchyard',
  state: '.local/state/switchyard',
  models: '.local/state/switchyard/models',
  cache: '.cache/switchyard',
  /** the home of engines in Strict, which leaves the real one alone */
  engineHome: '.cache/switchyard/home',
} as const

const at = (name: keyof typeof userFolders): string => `%h/${userFolders[name]}`

/** What needs no right at all: filters of system calls. */
const calls: readonly string[] = [
  'NoNewPrivileges=yes',
  'LockPersonality=yes',
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  'RestrictNamespaces=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'SystemCallArchitectures=native',
  'SystemCallErrorNumber=EPERM',
]

/** What a namespace of users makes possible. Without it systemd would pass over some of these in silence, and refuse to start for others. */
const namespaces: readonly string[] = [
  'PrivateUsers=yes',
  'CapabilityBoundingSet=',
  'ProtectControlGroups=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelTunables=yes',
  `InaccessiblePaths=-${at('state')}/switchyard.db -${at('config')}/secrets`,
  // The sockets of our daemon, of systemd and of the bus: whoever may speak to one of them starts what he likes outside.
  'InaccessiblePaths=-%t',
]

/** Where programs keep what opens other machines and accounts; no such list is whole. */
const keys = [
  ...['.ssh', '.gnupg', '.netrc', '.git-credentials', '.aws', '.azure', '.kube', '.docker'],
  ...['.config/gcloud', '.config/gh', '.cache/huggingface/token', '.cache/huggingface/stored_tokens'],
]

const strictNamespaces: readonly string[] = [
  ...namespaces,
  'ProtectSystem=strict',
  'ProtectHome=read-only',
  'PrivateTmp=yes',
  'PrivateMounts=yes',
  'ProtectClock=yes',
  'ProtectHostname=yes',
  'ProtectKernelLogs=yes',
  // Not all of the cache: what the person's own commands keep there, compiled, is run by them.
  `ReadWritePaths=${at('models')} ${at('engineHome')}`,
  `InaccessiblePaths=${keys.map(path => `-%h/${path}`).join(' ')}`,
]

const hardened: Record<Hardening, (hasNamespaces: boolean) => readonly string[]> = {
  Strict: hasNamespaces => [
    ...calls,
    'SystemCallFilter=@system-service',
    'SystemCallFilter=~@privileged',
    'UMask=0027',
    ...(hasNamespaces ? strictNamespaces : []),
  ],
  Compat: hasNamespaces => [
    'NoNewPrivileges=yes',
    'RestrictSUIDSGID=yes',
    'SystemCallArchitectures=native',
    ...(hasNamespaces ? [...namespaces, 'ProtectSystem=full'] : []),
  ],
  None: () => ['NoNewPrivileges=yes'],
}

const about: Record<Hardening, string> = {
  Strict: 'hardening: Strict: the home can be read, and written are models and a home of engines',
  Compat: 'hardening: Compat: what its user may read and write, but no secrets of ours',
  None: 'hardening: None: what its user may',
}

/** Leads to sockets that are closed. */
const noSession = ['-u', 'XDG_RUNTIME_DIR', '-u', 'DBUS_SESSION_BUS_ADDRESS']

/** Folders that engines and npm write to by themselves lie below another home then. */
const ownHome: readonly string[] = [
  ...noSession,
  ...['CACHE', 'CONFIG', 'DATA', 'STATE'].flatMap(name => ['-u', `XDG_${name}_HOME`]),
  '--',
  `HOME=${at('engineHome')}`,
  `SWITCHYARD_SHARED_CACHE=${at('cache')}`,
  'NPM_CONFIG_USERCONFIG=%h/.npmrc',
]

const homes: Record<Hardening, readonly string[]> = {
  Strict: ownHome,
  Compat: [...noSession, '--'],
  None: ['--'],
}

/** As the machine's: which program, which model and where it listens stand in an environment file that each activation writes anew. */
export const renderUserTemplate = (hardening: Hardening, { hasNamespaces }: UserUnitPlaces): string =>
  unitText({
    Unit: [
      `Description=Engine of the Switchyard Runtime %i (${about[hardening]})`,
      'Documentation=https://switchyard.dev/docs/host',
      'StartLimitIntervalSec=0',
    ],
    Service: [
      'Type=exec',
      `Slice=${slice}`,
      `EnvironmentFile=${at('state')}/units/%i.env`,
      `WorkingDirectory=${at('engineHome')}`,
      `ExecStart=/usr/bin/env ${homes[hardening].join(' ')} $SWITCHYARD_COMMAND`,
      // A link to the file of the run: a user may not read every journal.
      `StandardOutput=append:${at('state')}/units/%i.log`,
      'StandardError=inherit',
      // Its limits count as far as those of the user go.
      ...engineLife,
      ...hardened[hardening](hasNamespaces),
    ],
  })

/** No namespaces: who has some cannot look into the processes of others, and an engine has its own. */
export const renderUserDaemon = ({ node, path }: UserUnitPlaces): string =>
  unitText({
    Unit: [
      'Description=Switchyard of one user: keeps models where they must run and decides which one a GPU serves',
      'Documentation=https://switchyard.dev/docs/host',
      'StartLimitIntervalSec=0',
    ],
    Service: [
      'Type=notify',
      'NotifyAccess=all',
      'WatchdogSec=60',
      `ExecStart=${word(node)} ${at('program')}/switchyard.mjs host`,
      'Restart=always',
      'RestartSec=1',
      'KillMode=process',
      'TimeoutStopSec=60',
      'OOMPolicy=continue',
      'SyslogIdentifier=switchyard',
      'Environment=SWITCHYARD_ENGINES=systemd-user',
      `Environment=PATH=${plainPath(path)}`,
      `EnvironmentFile=-${at('config')}/environment`,
      'RuntimeDirectory=switchyard',
      'RuntimeDirectoryMode=0700',
      ...calls,
      'SystemCallFilter=@system-service',
      'SystemCallFilter=~@privileged @resources',
      'UMask=0027',
    ],
    Install: ['WantedBy=default.target'],
  })

/** What stands in it unquoted: a folder with blanks or with signs of systemd is left out. */
const plainPath = (path: string): string =>
  path
    .split(':')
    .filter(folder => /^\/[\w/.+@~,=-]*$/.test(folder))
    .join(':')
