// What every command works with: the printer, a way to a client, the time; and the options that all of them take.
import type { Command } from 'commander'
import type { Client, Found } from './client.ts'
import type { Format, Printer } from './print.ts'

/** Where to speak to: words of the command line, before anything is looked up. */
export interface Choice {
  readonly context?: string | undefined
  readonly kubeconfig?: string | undefined
  readonly socket?: string | undefined
}

export interface Options extends Choice {
  readonly namespace?: string
  readonly allNamespaces?: boolean
  readonly output?: Format
}

export interface Stage {
  readonly print: Printer
  /** Throws Refusal when neither a host nor a cluster is there. */
  readonly connect: (choice: Choice) => Promise<Client>
  readonly now: () => Date
  readonly input: NodeJS.ReadStream
  readonly secretsFolder: string
  /** Looks as the person who typed: where no host can be asked. */
  readonly discover: (folder: string) => Promise<Found>
  readonly usualFolders: readonly string[]
}

/** Adds one command or several to the program. */
export type Register = (program: Command, stage: Stage) => void

export interface Scene<Extra> {
  readonly client: Client
  readonly options: Options & Extra
  /** the one that was named, else the client's own */
  readonly namespace: string
}

/** The client lives as long as the work with it. */
export const withClient = async <Extra = object>(
  stage: Stage,
  command: Command,
  work: (scene: Scene<Extra>) => Promise<void>,
): Promise<void> => {
  const options = command.optsWithGlobals() as Options & Extra
  const client = await stage.connect(options)
  try {
    await work({ client, options, namespace: options.namespace ?? client.namespace })
  } finally {
    await client.close()
  }
}
