// The words and the environment that an engine of a host is started with.
import { describe, expect, it } from 'vitest'
import type { Recipe } from '../../../src/domain/engine.ts'
import { launchVllm } from '../../../src/domain/engine-facts/vllm-launch.ts'
import type { Runtime } from '../../../src/domain/object.ts'
import type { VolumeView } from '../../../src/domain/platform.ts'
import { addressOf, bareSight, renderTemplate } from '../../../src/platform/host/serving-render.ts'
import { aRuntime } from '../../builders/seen.ts'

const on = (engine: 'VLLM' | 'Ollama', host: object): Runtime =>
  aRuntime({ spec: { engine, host, kubernetes: undefined } })
const recipe: Recipe = {
  engine: 'VLLM',
  model: '/models/hub/models--org--a/snapshots/abc',
  identity: '/models/hub/models--org--a/snapshots/abc',
  servedNames: ['a', 'active'],
  args: ['--max-model-len', '4096'],
  task: 'Chat',
  hash: 'h1',
}
const ofRecipe = [
  recipe.model,
  ['--port', '8000'],
  ['--served_model_name', 'a', 'active'],
  ['--max-model-len', '4096'],
].flat()

const volume = { layout: { root: '/srv', kind: 'OllamaStore', path: '/srv/ollama' } } as VolumeView

describe('What an engine of a host is started with', () => {
  it('is vllm from the PATH, for this machine only, with its model and names', () => {
    const runtime = on('VLLM', {})
    expect(renderTemplate(runtime, launchVllm(recipe, bareSight(runtime)))).toEqual({
      recipe: 'h1',
      words: [
        ...['vllm', 'serve', recipe.model, '--host', '127.0.0.1', '--port', '8000'],
        ...['--served_model_name', 'a', 'active', '--max-model-len', '4096'],
      ],
      environment: {},
      port: 8000,
    })
  })

  it('is the command that is given, as it is given', () => {
    const runtime = on('VLLM', {
      command: ['/opt/venv/bin/python3', '-m', 'vllm.entrypoints.openai.api_server'],
    })
    const { words } = renderTemplate(runtime, launchVllm(recipe, bareSight(runtime)))
    expect(words).toEqual([
      ...['/opt/venv/bin/python3', '-m', 'vllm.entrypoints.openai.api_server', '--model'],
      ...ofRecipe,
    ])
  })

  it('is never a shell', () => {
    const runtime = on('VLLM', { command: ['sh', '-c', 'vllm serve x'] })
    expect(() => launchVllm(recipe, bareSight(runtime))).toThrow(
      expect.objectContaining({ reason: 'ShellCommand' }),
    )
  })

  it('is ollama with its address and store, and the same for every model', () => {
    const runtime = on('Ollama', { port: 11_500 })
    expect(renderTemplate(runtime, { hash: 'h1' }, volume)).toEqual({
      words: ['ollama', 'serve'],
      environment: { OLLAMA_HOST: '127.0.0.1:11500', OLLAMA_MODELS: '/srv/ollama' },
      port: 11_500,
    })
  })

  it.each([
    ['VLLM', {}, 'http://127.0.0.1:8000'],
    ['VLLM', { port: 9 }, 'http://127.0.0.1:9'],
    ['Ollama', {}, 'http://127.0.0.1:11434'],
    ['Ollama', { url: 'http://10.0.0.1:11434/' }, 'http://10.0.0.1:11434'],
  ] as const)('%s with %j is asked at %s', (engine, host, address) => {
    expect(addressOf(on(engine, host))).toBe(address)
  })
})
