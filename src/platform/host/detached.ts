// Starts a program that outlives us: own session and group, nothing of ours open in it, its output in a file.
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { markOf, type ProcessMark, tokenVariable } from './process-mark.ts'

export interface Program {
  /** words, run without a shell */
  readonly command: readonly string[]
  /** all that it gets: nothing of ours is handed on */
  readonly environment: Readonly<Record<string, string>>
  readonly folder: string
  /** takes both its outputs, behind what is there */
  readonly logFile: string
  readonly token: string
}

export interface Started {
  /** undefined when it could not be started, or has ended already */
  readonly mark: ProcessMark | undefined
  /** Until then a process may still come; absent: it is there, or never will be. */
  readonly begun?: Promise<void>
  /** how it ended, as long as we are there to be told: words for people */
  readonly ended: Promise<string>
}

export const startDetached = ({ command, environment, folder, logFile, token }: Program): Started => {
  const [program = '', ...args] = command
  const log = openSync(logFile, 'a', 0o600)
  try {
    const child = spawn(program, args, {
      cwd: folder,
      env: { ...environment, [tokenVariable]: token },
      stdio: ['ignore', log, log],
      detached: true,
    })
    child.unref()
    const ended = new Promise<string>(resolve => {
      child.once('error', error => resolve(error.message))
      child.once('exit', (code, name) => resolve(code === null ? `signal ${name}` : `exit code ${code}`))
    })
    return { mark: child.pid === undefined ? undefined : markOf(child.pid), ended }
  } finally {
    closeSync(log)
  }
}
