// What people do while every state is explored: a wish, another wish, a bad spec, and its end.
import { patchSpec } from '../../src/platform/memory/memory-people.ts'
import { writeModel, writeRuntime } from '../builders/memory-cast.ts'
import { onGpu } from '../builders/memory-scenes.ts'
import type { ExploredWorld } from './explored-world.ts'
import type { Edit } from './explorer.ts'
import { isReady, runtimePhase, serves } from './scenario.ts'

const named = { runtimes: [{ name: 'gpu' }] }
const patches = (change: object) => (world: ExploredWorld) => patchSpec(world, 'Runtime', 'gpu', change)
const both = (world: ExploredWorld): boolean => isReady('a')(world) && isReady('b')(world)
const ends = (holds: (world: ExploredWorld) => boolean) => (world: ExploredWorld) =>
  both(world) && holds(world)

export const edits: readonly Edit[] = [
  {
    name: 'a is wanted',
    does: world => {
      onGpu(world)
      writeModel(world, 'a', named)
      writeModel(world, 'b', named)
      writeRuntime(world, 'gpu', 'VLLM', { activeModel: 'a' })
    },
    isReached: ends(serves('gpu', 'a')),
  },
  { name: 'b is wanted', does: patches({ activeModel: 'b' }), isReached: ends(serves('gpu', 'b')) },
  {
    name: 'a bad argument is written',
    does: patches({ engineArgs: ['--model', 'x'] }),
    isReached: ends(
      world => runtimePhase('gpu', 'Rejected')(world) && world.pods.list().some(pod => pod.isReady),
    ),
    isBad: true,
  },
  { name: 'it is taken back', does: patches({ engineArgs: undefined }), isReached: ends(serves('gpu', 'b')) },
]

export const keys = ['Model/default/a', 'Model/default/b', 'Runtime/default/gpu'] as const
