// What the embedded llama.cpp says while it starts; the lines are written by `src/embedded/`.
import type { LogPattern } from './load-log.ts'

/** The first that matches speaks. */
export const llamaCppLog: readonly LogPattern[] = [
  // failures
  {
    mark: 'InstallFailed',
    reason: 'LoadFailed',
    pattern: /^embedded: (?<message>llama\.cpp cannot be installed: .*)$/,
  },
  { mark: 'PortTaken', reason: 'PortTaken', pattern: /^embedded: (?<message>port \d+ is taken.*)$/ },
  { mark: 'BadArguments', reason: 'ArgumentsRefused', pattern: /^embedded: (?<message>arguments: .*)$/ },
  {
    mark: 'DamagedFile',
    reason: 'FilesUnreadable',
    pattern: /^embedded: (?<message>the model cannot be read: .*)$/,
  },
  { mark: 'NoMemory', reason: 'OutOfMemory', pattern: /^embedded: (?<message>not enough memory.*)$/ },
  { mark: 'Error', reason: 'LoadFailed', pattern: /^embedded: (?<message>failed: .*)$/ },
  // progress, in the order in which it comes
  { mark: 'Installing', pattern: /^embedded: installing llama\.cpp/ },
  { mark: 'Installed', pattern: /^embedded: llama\.cpp is installed/ },
  { mark: 'Weights', pattern: /^embedded: loading (?<percent>\d+)%/ },
  { mark: 'Ready', pattern: /^embedded: serving / },
]
