// `npm run demo:cluster`: the main job on a cluster of its own, shown live: install by Helm, apply the samples, watch, ask, switch, switch back.
// `npm run demo:cluster -- --once` does the same and exits 0 or 1. With KUBECONFIG it happens on that cluster; arguments after `--helm` go to helm.
import { setTimeout as sleep } from 'node:timers/promises'
import { whyNotHere } from '../test/cluster/programs.ts'
import { askModel } from './demo-cluster/ask.ts'
import { startEmbedded } from './demo-cluster/embedded.ts'
import { givenPlace, whyNotGiven } from './demo-cluster/given.ts'
import type { Place } from './demo-cluster/place.ts'
import { StoryTeller } from './demo-cluster/story-teller.ts'

const isOnce = process.argv.includes('--once')
const begun = Date.now()
const isColour = process.stdout.isTTY && !process.env['NO_COLOR']
const dim = (text: string): string => (isColour ? `\x1b[2m${text}\x1b[0m` : text)
const bold = (text: string): string => (isColour ? `\x1b[1m${text}\x1b[0m` : text)
const say = (line: string): void =>
  console.log(`${dim(`${((Date.now() - begun) / 1000).toFixed(1).padStart(6)} s`)}  ${line}`)
const title = (line: string): void => console.log(`\n${bold(line)}`)

const namespace = 'llm'

const sample = (place: Place, name: string): Promise<string> => {
  const file = new URL(`../config/samples/${name}`, import.meta.url).pathname
  return place.kubectl(['apply', '-n', namespace, '-f', file])
}

const activate = (place: Place, runtime: string, model: string): Promise<string> => {
  const change = JSON.stringify({ spec: { activeModel: model } })
  return place.kubectl(['patch', 'runtime', runtime, '-n', namespace, '--type=merge', '-p', change])
}

const askAloud = async (place: Place, runtime: string): Promise<void> =>
  say(`asked: ${bold(await askModel(place, namespace, runtime))}`)

const tellOllama = async (place: Place, teller: StoryTeller): Promise<void> => {
  title('A Model and an Ollama Runtime: kubectl apply -f config/samples/')
  for (const name of ['runtime-ollama.yaml', 'model-ollama.yaml', 'model-ollama-second.yaml'])
    await sample(place, name)
  await activate(place, 'ollama', 'llama3-2-1b')
  await teller.untilActive('ollama', 'llama3-2-1b')
  await askAloud(place, 'ollama')

  title('Switch to the second model, and back')
  await teller.untilReady('qwen2-5-0-5b-ollama')
  for (const model of ['qwen2-5-0-5b-ollama', 'llama3-2-1b']) {
    await activate(place, 'ollama', model)
    await teller.untilActive('ollama', model)
    await askAloud(place, 'ollama')
  }
}

const tellVllm = async (place: Place, teller: StoryTeller): Promise<void> => {
  if (!place.vllm) return say('left out: a vLLM Runtime, because no node has nvidia.com/gpu')
  title(`A vLLM that Switchyard makes on the GPU node (${place.vllm})`)
  for (const name of ['model-huggingface.yaml', 'runtime-vllm-made.yaml']) await sample(place, name)
  await teller.untilActive('vllm-made', 'qwen2-5-0-5b')
  await askAloud(place, 'vllm-made')
}

const tell = async (place: Place): Promise<void> => {
  title('Install Switchyard with Helm')
  await place.install()
  say('the operator is available')
  await place.kubectl(['apply', '-f', '-'], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }),
  })
  const teller = new StoryTeller(place, namespace, say)
  await tellOllama(place, teller)
  await tellVllm(place, teller)
  title('What a person sees')
  console.log(await place.kubectl(['get', 'models,runtimes', '-n', namespace, '-o', 'wide']))
}

const lookAround = (place: Place): void => {
  title(`Look around (${place.ends})`)
  for (const each of place.exports) console.log(`  export ${each}`)
  console.log(`  kubectl get models,runtimes -A
  kubectl describe runtime ollama -n ${namespace}
  kubectl patch runtime ollama -n ${namespace} --type=merge -p '{"spec":{"desiredState":"Idle"}}'
  kubectl get events.events.k8s.io -n ${namespace}
  kubectl -n switchyard-system logs deployment/switchyard`)
}

const openPlace = async (): Promise<Place | string> => {
  const kubeconfig = process.env['KUBECONFIG']
  if (kubeconfig) {
    const helmArgs = process.argv.includes('--helm')
      ? process.argv.slice(process.argv.indexOf('--helm') + 1)
      : []
    return (await whyNotGiven(kubeconfig)) ?? givenPlace(kubeconfig, helmArgs)
  }
  const reason = whyNotHere()
  if (reason) return `no cluster can be started here: ${reason}`
  title('Start a real Kubernetes on this machine (the first time its programs are built: about 15 minutes)')
  return startEmbedded(say)
}

const main = async (): Promise<number> => {
  const place = await openPlace()
  if (typeof place === 'string') {
    say(place)
    return 1
  }
  const stop = async (code: number): Promise<never> => {
    await place.stop()
    process.exit(code)
  }
  process.on('SIGINT', () => void stop(0))
  process.on('SIGTERM', () => void stop(0))
  try {
    await tell(place)
  } catch (error) {
    say(`failed: ${(error as Error).message}`)
    if (isOnce) return stop(1)
  }
  say(`done in ${Math.round((Date.now() - begun) / 1000)} s`)
  if (isOnce) return stop(0)
  lookAround(place)
  if (process.env['KUBECONFIG']) return 0
  for (;;) await sleep(60_000)
}

process.exit(await main())
