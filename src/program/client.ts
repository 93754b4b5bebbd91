// The commands of a person's terminal, on a host's socket or a cluster's kubeconfig: which of them is decided here.
import { existsSync } from 'node:fs'
import { type Client, Refusal } from '../cli/client.ts'
import { createHostClient } from '../cli/host-client.ts'
import { Printer } from '../cli/print.ts'
import { runProgram } from '../cli/program.ts'
import type { Choice } from '../cli/stage.ts'
import { type ClientSettings, readClientSettings } from '../settings.ts'

/** What was named counts; else a host that is there; else a cluster. */
const connect =
  (settings: ClientSettings) =>
  async ({ socket, context, kubeconfig }: Choice): Promise<Client> => {
    const cluster = async () =>
      (await import('./cluster.ts')).openCluster({ context, file: kubeconfig ?? settings.namedKubeconfig })
    if (socket !== undefined) return createHostClient(socket)
    if (context !== undefined || kubeconfig !== undefined) return cluster()
    if (settings.namedSocket !== undefined) return createHostClient(settings.namedSocket)
    if (settings.namedKubeconfig !== undefined) return cluster()
    const found = settings.sockets.find(existsSync)
    if (found !== undefined) return createHostClient(found)
    if (existsSync(settings.kubeconfig)) return cluster()
    throw new Refusal(
      `neither a host nor a cluster is there: start one with \`switchyard host\` (socket ${settings.sockets[0]}), or name a cluster with --kubeconfig or KUBECONFIG`,
      4,
    )
  }

export const client = (words: readonly string[]): Promise<number> => {
  const settings = readClientSettings()
  const { wantsColour, secretsFolder, usualFolders } = settings
  // Whoever reads has seen enough.
  process.stdout.on('error', () => process.exit(0))
  return runProgram(words, {
    print: new Printer({ out: process.stdout, err: process.stderr, wantsColour }),
    connect: connect(settings),
    now: () => new Date(),
    input: process.stdin,
    secretsFolder,
    usualFolders,
    discover: async folder => {
      const { discover } = await import('../worker/discover.ts')
      return discover(folder).catch((error: Error) => ({ root: folder, failure: error.message }))
    },
  })
}
