// Where most stories begin: one engine with its claim, and two models that it could serve.
import type { World } from '../../src/platform/memory/memory-world.ts'
import { publish, publishOllama } from './memory-cast.ts'
import { addClaim, addDeployment } from './memory-stage.ts'

export const onGpu = (world: World): void => {
  addClaim(world)
  addDeployment(world, 'gpu', 'VLLM')
  publish(world, 'org/a', 'a')
  publish(world, 'org/b', 'b')
}

export const onOllama = (world: World): void => {
  addClaim(world)
  addDeployment(world, 'ollama', 'Ollama', { strategy: 'Recreate' })
  publishOllama(world, 'a:latest', 'a')
  publishOllama(world, 'b:latest', 'b')
}
