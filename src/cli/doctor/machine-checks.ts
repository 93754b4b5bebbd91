// Checks of the machine itself: Node, settings, limits, GPUs, and the unit that the daemon runs as.
import { type Finding, fault, good, notLooked, warning } from './finding.ts'
import type { World } from './world.ts'

const oldestNode = 24

export const checkNode = ({ nodeVersion }: World): Finding =>
  Number.parseInt(nodeVersion, 10) >= oldestNode
    ? good('Node', nodeVersion)
    : fault(
        'Node',
        `this is Node ${nodeVersion}; a host needs ${oldestNode} or newer`,
        `install Node ${oldestNode}: https://nodejs.org/en/download`,
      )

export const checkSettings = ({ settings }: World): Finding =>
  'refused' in settings
    ? fault('Settings', settings.refused, 'set the variable as docs/host.md says, or unset it')
    : good('Settings', `state ${settings.stateFolder}, manifests ${settings.manifestsFolder}`)

const fewestFiles = 4_096

/** Node takes what the hard limit gives. */
export const checkLimits = ({ limits }: World): Finding => {
  const [, hard = ''] = /^Max open files\s+\S+\s+(\S+)/m.exec(limits) ?? []
  if (hard === '' || hard === 'unlimited' || Number(hard) >= fewestFiles)
    return good('Open files', hard === '' ? 'no limit is told' : `at most ${hard}`)
  return fault(
    'Open files',
    `at most ${hard} are allowed; downloads and engines need ${fewestFiles}`,
    `set LimitNOFILE=65536 in the unit, or "hard nofile 65536" in /etc/security/limits.conf, and log in again`,
  )
}

export const checkGpus = async ({ lookAtGpus }: World): Promise<Finding> => {
  const sight = await lookAtGpus()
  if (sight.state === 'Absent')
    return notLooked('GPU', 'no nvidia-smi on the PATH: nothing is known about GPUs')
  if (sight.state === 'Failed') return fault('GPU', sight.message, gpuFixOf(sight.message))
  const names = sight.gpus.map(({ name }) => name)
  return names.length > 0
    ? good('GPU', names.join(', '))
    : fault('GPU', 'nvidia-smi shows no GPU', 'look whether `lspci` shows one, and which driver it has')
}

const gpuFixOf = (message: string): string => {
  if (/version mismatch/i.test(message)) return 'the driver was updated while it was loaded: reboot'
  if (/communicate with the NVIDIA driver/i.test(message))
    return 'load the driver (`modprobe nvidia`); after a new kernel, install it again'
  return 'look at `dmesg` for NVRM and Xid lines; a GPU that fell off the bus needs a reboot'
}

const unit = 'switchyard.service'

/** Words that name whose systemd; a person has one of his own, and the machine's daemon serves him too. */
type Whose = readonly string[]
const whoseOf = ({ uid }: World): readonly Whose[] => (uid === 0 ? [[]] : [['--user'], []])

export const checkUnit = async (world: World): Promise<Finding> => {
  if (!world.hasSystemd) return notLooked('Unit', 'systemd does not run here: the daemon is a plain process')
  let isAnswered = false
  for (const whose of whoseOf(world)) {
    const words = [...whose, 'show', unit, '--property=LoadState,ActiveState,Result']
    const shown = await world.ask('systemctl', words)
    const told = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(shown ?? '')?.[1] ?? ''
    if (shown !== undefined && told('LoadState') !== 'not-found') return toUnitFinding(whose, told)
    isAnswered ||= shown !== undefined
  }
  if (!isAnswered) return notLooked('Unit', 'systemctl does not answer')
  const install = world.uid === 0 ? 'switchyard install' : 'switchyard install --user'
  return warning('Unit', `${unit} does not exist: nothing starts the daemon at boot`, install)
}

const toUnitFinding = (whose: Whose, told: (name: string) => string): Finding => {
  const [load, active] = [told('LoadState'), told('ActiveState')]
  const how = ['systemctl', ...whose].join(' ')
  if (load === 'masked') return fault('Unit', `${unit} is masked`, `${how} unmask ${unit}`)
  if (load !== 'loaded') return fault('Unit', `${unit} does not load (${load})`, `${how} status ${unit}`)
  if (active === 'failed') {
    const journal = `journalctl ${[...whose, '-u', unit, '-n', '50'].join(' ')}`
    return fault(
      'Unit',
      `${unit} failed (${told('Result')})`,
      `read why: ${journal}; then ${how} restart ${unit}`,
    )
  }
  return good('Unit', `${unit} is ${active}`)
}

export const checkLingering = async (world: World): Promise<Finding> => {
  const check = 'Lingering'
  if (!world.hasSystemd || world.uid === 0) return notLooked(check, 'only asked of a user under systemd')
  const told = await world.ask('loginctl', ['show-user', String(world.uid), '--property=Linger'])
  if (told === undefined) return notLooked(check, 'loginctl does not answer')
  return /^Linger=yes$/m.test(told)
    ? good(check, 'on')
    : warning(check, 'off: everything of this user ends when the last session does', 'loginctl enable-linger')
}
