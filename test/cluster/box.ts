// A node's box: own mount, network, process, name and IPC namespaces on this machine; ending it ends all that runs inside.
import { execa } from 'execa'
import { childrenOf, endRecorded, findRecord, isAlive, startDaemon } from './processes.ts'

export type Box = {
  /** The box's first process, as the host numbers it. */
  readonly pid: number
  /** Runs a command inside and answers its output. */
  run(argv: readonly string[], input?: string): Promise<string>
  /** Starts a program inside that lives as long as the box. */
  start(name: string, argv: readonly string[], env: Record<string, string>): void
}

const recordName = (node: string) => `box-${node}`

/** Its first process ignores SIGCHLD, so that the kernel itself buries orphans. */
export async function startBox(stateDir: string, node: string, diesWithParent: boolean): Promise<Box> {
  const spaces = ['--mount', '--net', '--pid', '--uts', '--ipc', '--fork', '--mount-proc', '--kill-child']
  const first = ['env', '--ignore-signal=CHLD', 'sleep', 'infinity']
  const argv = ['unshare', ...spaces, '--propagation', 'private', ...first]
  const outer = startDaemon(stateDir, { name: recordName(node), argv, diesWithParent })
  for (let n = 0; n < 400 && isAlive(outer); n++) {
    const box = findBox(stateDir, node)
    if (box && (await isReady(box))) return box
    await new Promise(next => setTimeout(next, 10))
  }
  throw new Error(`the namespaces of node ${node} could not be made: see ${stateDir}/log/box-${node}.log`)
}

/** Ready once it has left unshare's own set-up and runs `sleep`. */
async function isReady(box: Box): Promise<boolean> {
  const { stdout } = await execa('cat', [`/proc/${box.pid}/comm`], { reject: false })
  return stdout === 'sleep'
}

export function findBox(stateDir: string, node: string): Box | undefined {
  const outer = findRecord(stateDir, recordName(node))
  const pid = isAlive(outer) ? childrenOf(outer.pid)[0] : undefined
  if (pid === undefined) return undefined
  const enter = ['nsenter', '-t', `${pid}`, '-m', '-u', '-i', '-n', '-p', '--']
  return {
    pid,
    run: async (argv, input) => {
      const command = [...enter.slice(1), ...argv]
      const done = await execa(enter[0]!, command, input === undefined ? { stdin: 'ignore' } : { input })
      return done.stdout
    },
    start: (name, argv, env) => {
      startDaemon(stateDir, {
        name: `${node}-${name}`,
        argv: [...enter, ...argv],
        env,
        diesWithParent: false,
      })
    },
  }
}

export const endBox = (stateDir: string, node: string): Promise<void> =>
  endRecorded(stateDir, recordName(node))
