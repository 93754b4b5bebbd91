// A vLLM that is a unit of somebody else, as it is written down for us by root: the drop-in, the record of what its own command is, the rule
// of polkit. Pure. None of it changes with a model: which one is to be served stands in a file of the daemon that the launcher checks.
import { show } from '../../../domain/names.ts'

/** Root's: no account of ours can write there. */
export const adoptionsFolder = '/etc/switchyard/units'

/** Behind what people call theirs, so that `override.conf` of `systemctl edit` does not hide it. */
export const dropIn = 'zz-switchyard.conf'

/** May read the models, and nothing else of ours. */
export const modelsGroup = 'switchyard-models'

/** In the folder of the state: what each unit is to serve. */
export const wishesName = 'adopted'

export interface Adoption {
  readonly unit: string
  /** words of its own ExecStart, before variables are put in */
  readonly command: readonly string[]
  /** models are served from here alone */
  readonly models: string
  /** what the daemon writes and the launcher reads */
  readonly wish: string
}

export const dropInPath = (unit: string): string => `/etc/systemd/system/${unit}.d/${dropIn}`

export const adoptionPath = (unit: string): string => `${adoptionsFolder}/${unit}.json`

export const rulePath = (unit: string): string => `/etc/polkit-1/rules.d/50-switchyard-${unit}.rules`

/** One ExecStart as systemd tells it: path, words, flags. */
export interface Start {
  readonly path: string
  readonly words: readonly string[]
  readonly flags: readonly string[]
}

/** The words that start the unit; throws a sentence for what we would not start as it is started now. */
export const commandOf = (unit: string, starts: readonly Start[]): readonly string[] => {
  const [start] = starts
  if (!start || starts.length > 1) throw new Error(`${unit} has ${starts.length} ExecStart= lines, not one`)
  if (start.flags.length > 0)
    throw new Error(`ExecStart= of ${unit} has a prefix (${start.flags.join(', ')}): write it without one`)
  const odd = start.words.find(word => /[\x00-\x1f\x7f]/.test(word))
  if (odd !== undefined)
    throw new Error(`ExecStart= of ${unit} has a word with control characters: ${show(odd)}`)
  return [start.path, ...start.words.slice(1)]
}

/** `$` stays: systemd puts the unit's variables in, as it did. */
const quote = (word: string): string => `"${word.replace(/["\\]/g, '\\$&').replace(/%/g, '%%')}"`

export const renderDropIn = ({ unit, command }: Adoption, program: readonly string[]): string =>
  `# Lets Switchyard choose the model of ${unit}. Its own command stands behind --, and is what runs while nothing is chosen.
# switchyard uninstall --unit ${unit} takes this away; after a change of the unit's ExecStart run switchyard install --unit ${unit} again.
[Service]
SupplementaryGroups=${modelsGroup}
ExecStart=
ExecStart=${[...program, 'run-unit', unit, '--', ...command].map(quote).join(' ')}
`

export const unitVerbs = ['start', 'stop', 'restart', 'reset-failed']

export const renderUnitRule = (unit: string, user: string): string =>
  `// The daemon of Switchyard may start and end this one unit, which root let it switch.
polkit.addRule(function (action, subject) {
  if (action.id !== 'org.freedesktop.systemd1.manage-units' || subject.user !== '${user}') return undefined
  var isIt = action.lookup('unit') === ${JSON.stringify(unit)}
  var isAllowed = ${JSON.stringify(unitVerbs)}.indexOf(action.lookup('verb')) >= 0
  return isIt && isAllowed ? polkit.Result.YES : undefined
})
`
