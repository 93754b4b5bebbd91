// The units of a host as text, and the environment file of one engine. Pure; what is shipped in config/systemd is printed from here.
import type { Hardening } from '../../../domain/runtime-host.ts'
import type { Template } from '../serving-render.ts'

export interface UnitPlaces {
  /** words that start this program */
  readonly program: readonly string[]
  readonly stateFolder: string
  readonly modelsFolder: string
  readonly cacheFolder: string
  readonly configFolder: string
  /** daemon and engines run as them */
  readonly user: string
  /** those that own devices of GPUs; a unit that names a group which is not there does not start */
  readonly deviceGroups: readonly string[]
  /** the daemon asks nvidia-smi for the memory of the GPUs; else it sees no device at all */
  readonly hasNvidia: boolean
}

/** One template for each hardening: they are static, so that whoever may start them can change nothing of what they allow. */
export const templates = {
  Strict: 'switchyard-runtime',
  Compat: 'switchyard-compat',
  None: 'switchyard-none',
} as const satisfies Record<Hardening, string>

export const daemonUnit = 'switchyard.service'
export const slice = 'switchyard.slice'

export const templateFile = (hardening: Hardening): string => `${templates[hardening]}@.service`

/** GPUs by the names their drivers have in /proc/devices: NVIDIA, AMD (kfd, drm), Intel (drm, accel). */
const deviceNames = ['nvidia*', 'kfd', 'drm', 'accel']

const devices: readonly string[] = [
  'DevicePolicy=closed',
  ...deviceNames.map(name => `DeviceAllow=char-${name} rw`),
]

const groups = ({ deviceGroups }: UnitPlaces): readonly string[] =>
  deviceGroups.length > 0 ? [`SupplementaryGroups=${deviceGroups.join(' ')}`] : []

/** What neither an engine nor a daemon that is no root ever needs. */
const closed: readonly string[] = [
  'NoNewPrivileges=yes',
  'CapabilityBoundingSet=',
  'AmbientCapabilities=',
  'ProtectSystem=strict',
  'ProtectHome=yes',
  'PrivateTmp=yes',
  'PrivateMounts=yes',
  'ProtectProc=invisible',
  'ProtectClock=yes',
  'ProtectControlGroups=yes',
  'ProtectHostname=yes',
  'ProtectKernelLogs=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelTunables=yes',
  'LockPersonality=yes',
  'RemoveIPC=yes',
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  'RestrictNamespaces=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'SystemCallArchitectures=native',
  'SystemCallErrorNumber=EPERM',
]

export const socketFolder = '/run/switchyard'

/** Who speaks to the daemon's socket may start what he likes, without these limits: the account is the daemon's. */
const closedTo = (stateFolder: string, configFolder: string): string =>
  `InaccessiblePaths=-${word(`${stateFolder}/switchyard.db`)} -${word(`${configFolder}/secrets`)} -${socketFolder}`

const hardened: Record<Hardening, (places: UnitPlaces) => readonly string[]> = {
  // A driver of a GPU makes memory that is written and run, and asks where its threads run: @resources stays.
  Strict: ({ modelsFolder, cacheFolder, stateFolder, configFolder }) => [
    ...closed,
    ...devices,
    'SystemCallFilter=@system-service',
    'SystemCallFilter=~@privileged',
    'UMask=0027',
    `ReadWritePaths=${word(modelsFolder)} ${word(cacheFolder)}`,
    closedTo(stateFolder, configFolder),
  ],
  // Virtual environments under /home, compilers that write where they like, shared /tmp.
  Compat: ({ stateFolder, configFolder }) => [
    'NoNewPrivileges=yes',
    'CapabilityBoundingSet=',
    'ProtectSystem=full',
    'ProtectHome=read-only',
    'ProtectControlGroups=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelTunables=yes',
    'RestrictSUIDSGID=yes',
    'SystemCallArchitectures=native',
    ...devices,
    closedTo(stateFolder, configFolder),
  ],
  None: () => ['NoNewPrivileges=yes'],
}

const about: Record<Hardening, string> = {
  Strict: 'hardening: Strict',
  Compat: 'hardening: Compat: homes can be read, and written is what the account may write',
  None: 'hardening: None: an account, and no more limits',
}

/**
 * The instance is the Runtime: `gpu-a`, or `team.gpu-a` outside the namespace `default`. Which program, which model and where it listens
 * stand in the environment file, which each activation writes anew. systemd-cat gives the lines of each run their own name in the journal.
 */
/** How an engine ends, and how much it may open and lock: in either scope. */
export const engineLife: readonly string[] = [
  'Restart=no',
  // One that is told to end gets TERM and its grace from the daemon; this is for what is left then, and for the machine's own end.
  'KillMode=mixed',
  'TimeoutStopSec=60',
  'OOMPolicy=continue',
  'LimitNOFILE=1048576',
  'LimitMEMLOCK=infinity',
]

export const renderTemplateUnit = (hardening: Hardening, places: UnitPlaces): string =>
  unitText({
    Unit: [
      `Description=Engine of the Switchyard Runtime %i (${about[hardening]})`,
      'Documentation=https://switchyard.dev/docs/host',
      'After=network.target',
      // The daemon starts an engine again, later each time: a limit of starts would end in failed for ever.
      'StartLimitIntervalSec=0',
    ],
    Service: [
      'Type=exec',
      `User=${places.user}`,
      ...groups(places),
      `Slice=${slice}`,
      `EnvironmentFile=${word(`${unitsFolder(places)}/%i.env`)}`,
      `WorkingDirectory=${word(places.cacheFolder)}`,
      'ExecStart=/usr/bin/systemd-cat --identifier $SWITCHYARD_RUN /usr/bin/env -- $SWITCHYARD_COMMAND',
      ...engineLife,
      ...hardened[hardening](places),
    ],
  })

/** `KillMode=process`: workers and what they fetch outlive the daemon. */
export const renderDaemonUnit = (places: UnitPlaces): string =>
  unitText({
    Unit: [
      'Description=Switchyard: keeps models where they must run and decides which one a GPU serves',
      'Documentation=https://switchyard.dev/docs/host',
      'Wants=network-online.target',
      'After=network-online.target dbus.service',
      'StartLimitIntervalSec=0',
    ],
    Service: [
      'Type=notify',
      'NotifyAccess=all',
      'WatchdogSec=60',
      `ExecStart=${[...places.program, 'host'].map(word).join(' ')}`,
      'Restart=always',
      'RestartSec=1',
      'KillMode=process',
      'TimeoutStopSec=60',
      'OOMPolicy=continue',
      `User=${places.user}`,
      'SupplementaryGroups=systemd-journal',
      'SyslogIdentifier=switchyard',
      `Environment=${word(`HOME=${places.cacheFolder}`)}`,
      'Environment=SWITCHYARD_ENGINES=systemd',
      `Environment=${word(`SWITCHYARD_STATE_FOLDER=${places.stateFolder}`)}`,
      `Environment=${word(`SWITCHYARD_MODELS_FOLDER=${places.modelsFolder}`)}`,
      `Environment=${word(`SWITCHYARD_MANIFESTS_FOLDER=${places.configFolder}/manifests`)}`,
      `Environment=${word(`SWITCHYARD_SECRETS_FOLDER=${places.configFolder}/secrets`)}`,
      // Its group may speak to the daemon.
      `Environment=SWITCHYARD_SOCKET=${socketFolder}/switchyard.sock`,
      'RuntimeDirectory=switchyard',
      // One made anew would not be closed to engines that run.
      'RuntimeDirectoryPreserve=yes',
      `EnvironmentFile=-${word(`${places.configFolder}/environment`)}`,
      ...closed,
      ...(places.hasNvidia ? ['DevicePolicy=closed', 'DeviceAllow=char-nvidia* rw'] : ['PrivateDevices=yes']),
      'SystemCallFilter=@system-service',
      'SystemCallFilter=~@privileged @resources',
      'UMask=0027',
      `ReadWritePaths=${[places.stateFolder, places.modelsFolder, places.cacheFolder].map(word).join(' ')}`,
    ],
    Install: ['WantedBy=multi-user.target'],
  })

export const renderSlice = (): string =>
  unitText({
    Unit: ['Description=Engines of Switchyard', 'Documentation=https://switchyard.dev/docs/host'],
    Slice: [],
  })

const verbs = ['restart', 'reset-failed']

/** Our account may start and end our engines: no other unit, and nothing of what a unit says. */
export const renderPolkit = ({ user }: Pick<UnitPlaces, 'user'>): string =>
  `// The daemon of Switchyard may start and end the engines of its Runtimes, and no other unit.
polkit.addRule(function (action, subject) {
  if (action.id !== 'org.freedesktop.systemd1.manage-units' || subject.user !== '${user}') return undefined
  var isOurs = /^switchyard-(runtime|compat|none)@[a-z0-9.-]+\\.service$/.test(action.lookup('unit'))
  var isAllowed = ${JSON.stringify(verbs)}.indexOf(action.lookup('verb')) >= 0
  return isOurs && isAllowed ? polkit.Result.YES : undefined
})
`

export const unitsFolder = ({ stateFolder }: Pick<UnitPlaces, 'stateFolder'>): string =>
  `${stateFolder}/units`

interface Start {
  readonly template: Template
  readonly run: string
  readonly token: string
  readonly tokenVariable: string
  readonly environment: Readonly<Record<string, string>>
}

/** What an activation writes anew. */
export const renderEnvironment = ({ template, run, token, tokenVariable, environment }: Start): string => {
  const variables = {
    ...environment,
    ...template.environment,
    [tokenVariable]: token,
    SWITCHYARD_RUN: run,
    SWITCHYARD_COMMAND: template.words.map(splitSafe).join(' '),
  }
  return Object.entries(variables)
    .filter(([name, value]) => /^[A-Za-z_]\w*$/.test(name) && !/[\x00-\x08\x0b-\x1f\x7f]/.test(value))
    .map(([name, value]) => `${name}="${value.replace(/[\\"`$]/g, '\\$&')}"\n`)
    .join('')
}

/** systemd takes the words of a variable apart at blanks, and takes quotes and backslashes in it for its own. */
const splitSafe = (one: string): string => (one === '' ? "''" : one.replace(/[\s"'\\]/g, '\\$&'))

/** A word of a unit: `%` begins a specifier, `$` a variable. Never for what a person writes: those words stand in the environment file. */
export const word = (text: string): string => {
  const plain = text.replace(/%(?!i)/g, '%%').replace(/\$/g, '$$$$')
  return /[\s"'\\;]/.test(plain) ? `"${plain.replace(/["\\]/g, '\\$&')}"` : plain
}

export const unitText = (sections: Readonly<Record<string, readonly string[]>>): string =>
  `${Object.entries(sections)
    .map(([name, lines]) => `[${name}]\n${lines.map(line => `${line}\n`).join('')}`)
    .join('\n')}`
