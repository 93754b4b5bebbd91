// How a container starts vLLM: where the program ends and its arguments begin.
import type { ContainerSight } from '../engine.ts'
import { Rejected } from '../failure.ts'
import { show } from '../names.ts'

export interface Entrypoint {
  /** Serve takes the model as a word; Module only as `--model`; Image is an empty command: the image says (`vllm serve`). */
  readonly kind: 'Serve' | 'Module' | 'Image'
  /** words of command and args that are the program */
  readonly length: number
}

const shells = new Set(['sh', 'bash', 'dash', 'ash', 'zsh', 'ksh', 'busybox'])
const inits = new Set(['tini', 'dumb-init', 'catatonit'])
const serverModule = 'vllm.entrypoints.openai.api_server'
const commandModule = 'vllm.entrypoints.cli.main'

const nameOf = (word: string | undefined): string => (word ?? '').slice((word ?? '').lastIndexOf('/') + 1)

/** Throws Rejected `ShellCommand` or `UnknownEntrypoint`. */
export const findEntrypoint = (found: Pick<ContainerSight, 'command' | 'args'>): Entrypoint => {
  const words = [...found.command, ...found.args]
  const start = skipInit(words)
  if (isShell(words, start)) {
    throw new Rejected(
      'ShellCommand',
      `command of the container starts vLLM through a shell: ${show(words.join(' '))}`,
    )
  }
  const entrypoint = matchProgram(words, start) ?? matchImage(found, words)
  if (entrypoint) return entrypoint
  throw new Rejected(
    'UnknownEntrypoint',
    `the command is not a known start of vLLM: ${show(words.join(' '))}`,
  )
}

/** `tini -g --` and the like hand over to what follows. */
const skipInit = (words: readonly string[]): number => {
  if (!inits.has(nameOf(words[0]))) return 0
  const dashes = words.indexOf('--')
  if (dashes > 0) return dashes + 1
  const next = words.findIndex((word, at) => at > 0 && !word.startsWith('-'))
  return next < 0 ? words.length : next
}

const isShell = (words: readonly string[], start: number): boolean => {
  const first = nameOf(words[start])
  if (first === 'env') return words.slice(start).some(word => shells.has(nameOf(word)))
  return shells.has(first)
}

const matchProgram = (words: readonly string[], start: number): Entrypoint | undefined => {
  const first = nameOf(words[start])
  if (first === 'vllm') return words[start + 1] === 'serve' ? { kind: 'Serve', length: start + 2 } : undefined
  if (!/^python(3(\.\d+)?)?$/.test(first)) return undefined
  let at = start + 1
  while (/^-[uIOEsB]+$/.test(words[at] ?? '')) at += 1
  if (words[at] === '-m' && words[at + 1] === serverModule) return { kind: 'Module', length: at + 2 }
  const isCommand =
    (words[at] === '-m' && words[at + 1] === commandModule) ||
    (nameOf(words[at]) === 'vllm' && words[at] !== '-m')
  const serve = words[at] === '-m' ? at + 2 : at + 1
  return isCommand && words[serve] === 'serve' ? { kind: 'Serve', length: serve + 1 } : undefined
}

/** An empty command: args go to the image's entrypoint, which is `vllm serve` in the images of the project (`vllm` in some others). */
const matchImage = (
  found: Pick<ContainerSight, 'command' | 'args'>,
  words: readonly string[],
): Entrypoint | undefined => {
  if (found.command.length > 0) return undefined
  if (words[0] === 'serve') return { kind: 'Serve', length: 1 }
  return /^(python|vllm$)/.test(nameOf(words[0])) ? undefined : { kind: 'Image', length: 0 }
}
