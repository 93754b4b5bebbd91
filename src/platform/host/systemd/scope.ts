// Which systemd is asked: the one of the machine, or the one of the user whose daemon this is. What differs between them stands here alone.
import { execFile, execFileSync } from 'node:child_process'
import { promisify } from 'node:util'

export type Scope = 'system' | 'user'

const execute = promisify(execFile)

const scopeWords: Record<Scope, readonly string[]> = { system: [], user: ['--user'] }

/** As a person types it. */
export const systemctlOf = (scope: Scope): string => ['systemctl', ...scopeWords[scope]].join(' ')

/** What it printed; rejects with what it said when it refuses. */
export const systemctl = async (
  scope: Scope,
  words: readonly string[],
  timeout = 120_000,
): Promise<string> => {
  const all = [...scopeWords[scope], '--no-ask-password', '--quiet', ...words]
  return (await execute('systemctl', all, { timeout })).stdout
}

/** Waits for the answer, some milliseconds; empty when there is none. */
export const systemctlNow = (scope: Scope, words: readonly string[]): string => {
  const stdio = ['ignore', 'pipe', 'ignore'] as const
  try {
    return execFileSync('systemctl', [...scopeWords[scope], ...words], {
      encoding: 'utf8',
      stdio: [...stdio],
    })
  } catch {
    return ''
  }
}

/** Words of journalctl for one unit. */
export const ofUnit = (scope: Scope, unit: string): readonly string[] => [
  scope === 'user' ? '--user-unit' : '--unit',
  unit,
]

/** The control group below which those of all its units stand. */
export const groupOf = (scope: Scope): string => {
  const uid = process.getuid?.() ?? 0
  return scope === 'user' ? `user.slice/user-${uid}.slice/user@${uid}.service` : ''
}
