// The commands as a person types them: the bundled program as a process, without a terminal.
import type { Readable } from 'node:stream'
import { execa } from 'execa'

export interface Typed {
  readonly exitCode: number | undefined
  readonly stdout: string
  readonly stderr: string
}

/** What is piped in; a stream takes its time. */
export type Input = string | Readable

export const typed = async (
  program: string,
  words: readonly string[],
  { environment, input }: { readonly environment: Readonly<Record<string, string>>; readonly input?: Input },
): Promise<Typed> => {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [program, ...words], {
    env: environment,
    extendEnv: false,
    reject: false,
    timeout: 120_000,
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
  })
  return { exitCode, stdout, stderr }
}
