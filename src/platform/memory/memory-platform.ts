// Every part of a Platform in memory, for one controller process.

import { keyOf } from '../../domain/object.ts'
import type { Platform } from '../../domain/platform.ts'
import type { MemoryProcess } from './memory-process.ts'
import { createMemoryServings } from './memory-servings.ts'
import { createMemoryStore } from './memory-store.ts'
import { createMemoryVolumes } from './memory-volumes.ts'
import { createMemoryWork } from './memory-work.ts'

export const createMemoryPlatform = (process: MemoryProcess): Platform => ({
  name: 'memory',
  store: createMemoryStore(process),
  work: createMemoryWork(process),
  servings: createMemoryServings(process),
  volumes: createMemoryVolumes(process),
  journal: {
    write: (about, note) =>
      void (
        process.isAlive && process.world.diary.push({ at: process.world.now(), about: keyOf(about), note })
      ),
  },
})
