// The newest lines of an engine's container; after a restart those of the one that ended stand before them.
import { findContainer, findTemplate, isContainer } from './engine-container.ts'
import type { Serving } from './service-membership.ts'
import { toTarget } from './serving-target.ts'
import { readWorld } from './serving-world.ts'

export const readLogs = async (
  { reads, writes, runtime }: Serving,
  pod: string,
  lines: number,
): Promise<readonly string[]> => {
  const { deployment, pods } = readWorld(reads, runtime)
  const found = findContainer(runtime, findTemplate(runtime, deployment))
  if (!isContainer(found)) return []
  const seen = pods.find(one => one.metadata.name === pod)
  const status = seen?.status?.containerStatuses?.find(one => one.name === found.name)
  const target = toTarget(runtime, 'Pod', pod)
  const read = async (isPrevious: boolean): Promise<readonly string[]> => {
    try {
      return await writes.logs(target, { container: found.name, lines, isPrevious })
    } catch {
      // A container that has not started, or whose log is gone, has no lines.
      return []
    }
  }
  const before = (status?.restartCount ?? 0) > 0 ? await read(true) : []
  return [...before, ...(await read(false))].slice(-lines)
}
