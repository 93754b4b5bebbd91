// What could come next on the command line: commands, options, and the names of what is there.
import type { Command } from 'commander'
import { reasonNames } from '../domain/conditions.ts'
import type { Kind } from '../domain/object.ts'
import { rowName } from './row.ts'
import type { Stage } from './stage.ts'

export const shells = ['bash', 'zsh', 'fish'] as const

/** The shell asks this program for each word; nothing is written twice. */
export const scripts: Readonly<Record<(typeof shells)[number], string>> = {
  bash: `# source <(switchyard completion bash)
_switchyard() {
  local IFS=$'\\n'
  COMPREPLY=($(switchyard __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _switchyard switchyard
`,
  zsh: `#compdef switchyard
# source <(switchyard completion zsh)
_switchyard() {
  local -a found
  found=("\${(@f)$(switchyard __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  [[ -n "$found" ]] && compadd -a found || _files
}
compdef _switchyard switchyard
`,
  fish: `# switchyard completion fish | source
function __switchyard_complete
  set -l words (commandline -opc) (commandline -ct)
  switchyard __complete $words[2..-1] 2>/dev/null
end
complete -c switchyard -a '(__switchyard_complete)'
`,
}

type Names = 'models' | 'runtimes' | 'both' | 'reasons' | 'shells' | 'none'

const wanted: Readonly<Record<string, Names>> = {
  activate: 'models',
  verify: 'models',
  refresh: 'models',
  rollback: 'runtimes',
  idle: 'runtimes',
  logs: 'runtimes',
  explain: 'reasons',
  completion: 'shells',
  apply: 'none',
  status: 'none',
  discover: 'none',
  adopt: 'none',
  login: 'none',
  events: 'none',
}

/** `words` behind the program's name; the last one is being typed. */
export const complete = async (
  program: Command,
  words: readonly string[],
  stage: Stage,
): Promise<readonly string[]> => {
  const typed = words.at(-1) ?? ''
  const command = program.commands.find(one => words.slice(0, -1).includes(one.name()))
  const all = await candidates({ program, command, typed, before: words.at(-2) ?? '' }, stage)
  return all.filter(one => one.startsWith(typed))
}

interface Typing {
  readonly program: Command
  readonly command: Command | undefined
  readonly typed: string
  readonly before: string
}

const candidates = async (typing: Typing, stage: Stage): Promise<readonly string[]> => {
  const { program, command, typed, before } = typing
  if (typed.startsWith('-'))
    return [...(command?.options ?? []), ...program.options].flatMap(one => one.long ?? [])
  if (!command) return program.commands.map(one => one.name())
  if (before === '-o' || before === '--output') return ['table', 'wide', 'json', 'yaml', 'name']
  if (before === '-f' || before === '--filename') return []
  return namesOf(before === '--on' ? 'runtimes' : (wanted[command.name()] ?? 'both'), stage)
}

const namesOf = async (what: Names, stage: Stage): Promise<readonly string[]> => {
  if (what === 'none') return []
  if (what === 'reasons') return reasonNames
  if (what === 'shells') return shells
  if (what === 'models') return objectNames(stage, 'Model')
  if (what === 'runtimes') return objectNames(stage, 'Runtime')
  return ['models', 'runtimes', ...(await objectNames(stage, 'Model', 'Runtime'))]
}

/** None where nobody answers: a shell that completes shows no errors. */
const objectNames = async (stage: Stage, ...kinds: readonly Kind[]): Promise<readonly string[]> => {
  try {
    const client = await stage.connect({})
    const all = (await Promise.all(kinds.map(kind => client.rows(kind, client.namespace)))).flat()
    await client.close()
    return all.map(row => (kinds.length > 1 ? rowName(row) : row.name))
  } catch {
    return []
  }
}
