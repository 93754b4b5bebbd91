// An Ollama whose process is not ours: it is there as long as its address is named, and nothing is done to it but through its API.
import { NotSupported } from '../../domain/failure.ts'
import type { Runtime } from '../../domain/object.ts'
import type { PodSight, Servings } from '../../domain/platform.ts'
import { addressOf, portOf } from './serving-render.ts'

const nothing = async (): Promise<void> => undefined

export const foreignServings: Omit<Servings, 'watch'> = {
  observe: runtime => ({
    origin: 'Adopted',
    exists: true,
    problems: [],
    container: { command: [], args: [], env: {}, port: portOf(runtime) },
    replicas: 1,
    isExclusive: true,
    isPrepared: true,
    isSettled: true,
    pods: [podOf(runtime)],
    endpoint: addressOf(runtime),
  }),
  prepare: nothing,
  apply: nothing,
  revert: nothing,
  scale: async () => {
    throw new NotSupported('host.url names a process that is not ours: it is neither started nor ended')
  },
  setInService: async () => {
    throw new NotSupported('host.url names a process that is not ours: its clients are not ours to turn away')
  },
  restore: nothing,
  release: nothing,
  logs: async () => [],
}

/** Whether it answers is the engine's to tell. */
const podOf = (runtime: Runtime): PodSight => ({
  uid: `${runtime.metadata.uid}-url`,
  name: runtime.metadata.name,
  address: addressOf(runtime),
  isReady: true,
  isRunning: true,
  isLeaving: false,
  isInService: true,
  restarts: 0,
  createdAt: runtime.metadata.creationTimestamp,
})
