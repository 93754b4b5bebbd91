// The scriptable engine as a program: launched with the command lines of the real ones, it speaks vLLM's or Ollama's
// dialect. Set by ENGINE_FAULTS, ENGINE_LOAD_MS, ENGINE_STOP_MS, ENGINE_TOKEN_MS and ENGINE_CONTROL_PORT.
import { basename } from 'node:path'
import { listenForControl } from './control.ts'
import { runOllama } from './ollama.ts'
import { runVllm } from './vllm.ts'
import { openWorld } from './world.ts'

/** The file's own name may be the program (`vllm`), else the first argument is. */
function programOf(argv: readonly string[]): readonly string[] {
  const own = basename(argv[1] ?? '')
  const args = argv.slice(2)
  return /^(vllm|ollama|python3?)$/.test(own) ? [own, ...args] : [basename(args[0] ?? ''), ...args.slice(1)]
}

async function run(argv: readonly string[]) {
  const world = openWorld(process.env)
  const [program, ...args] = programOf(argv)
  world.stamps.write('started')
  const controlPort = process.env['ENGINE_CONTROL_PORT']
  if (controlPort !== undefined && controlPort !== '') {
    const control = await listenForControl(world, Number(controlPort))
    world.print(JSON.stringify({ control: control.port }))
  }
  if (program === 'vllm' && args[0] === 'serve') return runVllm(world, 'serve', args.slice(1))
  const isModule = args[0] === '-m' && args[1] === 'vllm.entrypoints.openai.api_server'
  if (program?.startsWith('python') && isModule) return runVllm(world, 'module', args.slice(2))
  if (program === 'ollama' && args[0] === 'serve') return runOllama(world)
  process.stderr.write(
    'the engine stand-in is started as: vllm serve PATH … | python3 -m vllm.entrypoints.openai.api_server --model PATH … | ollama serve\n',
  )
  process.exit(2)
}

await run(process.argv)
