// Which processes stand in a group of systemd: its own tree of control groups says so, whoever asks.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { markOf, type ProcessMark } from '../process-mark.ts'

/** The tree in which systemd keeps its groups: the only one, or the one beside those of the controllers. */
const treeOf = (): string => {
  const root = '/sys/fs/cgroup'
  if (existsSync(join(root, 'cgroup.controllers'))) return root
  return existsSync(join(root, 'unified')) ? join(root, 'unified') : join(root, 'systemd')
}

/** Of the group and of those that its processes made below it; none when it is not there. */
export const groupPids = (group: string): readonly number[] => pidsIn(join(treeOf(), group))

/** Those of them that live. */
export const groupProcesses = (group: string): readonly ProcessMark[] =>
  groupPids(group).flatMap(pid => markOf(pid) ?? [])

const pidsIn = (path: string): readonly number[] => {
  try {
    const own = readFileSync(join(path, 'cgroup.procs'), 'latin1').split('\n').filter(Boolean).map(Number)
    const below = readdirSync(path, { withFileTypes: true }).filter(entry => entry.isDirectory())
    return [...own, ...below.flatMap(({ name }) => pidsIn(join(path, name)))]
  } catch {
    return []
  }
}
