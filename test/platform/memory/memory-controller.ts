// A controller process on the memory world, whose views lag as the caches of a cluster do.
import { createMemoryPlatform } from '../../../src/platform/memory/memory-platform.ts'
import { MemoryProcess } from '../../../src/platform/memory/memory-process.ts'
import type { World } from '../../../src/platform/memory/memory-world.ts'
import { recordWakes } from '../../contracts/store-contract.ts'

const lagMs = 20

export const openController = (world: World) => {
  const process = new MemoryProcess(world, { lagMs: () => lagMs })
  const { store, work, servings, volumes, journal } = createMemoryPlatform(process)
  const keys: string[] = []
  work.watch(key => keys.push(key))
  servings.watch(key => keys.push(key))
  return { process, store, work, servings, volumes, journal, keys, wakes: recordWakes(store) }
}

export const passIn = (world: World) => (): Promise<void> => world.clock.run(50)
