// `npm start`: the main job on an embedded default, shown live: install by Helm, apply the samples, watch, ask, switch, switch back.
// `npm start -- --once` does the same and exits 0 or 1.
import { setTimeout as sleep } from 'node:timers/promises'
import { whyNotHere } from '../test/cluster/programs.ts'
import { installSwitchyard } from '../test/journeys/town.ts'
import { type Embedded, productImage, startEmbedded } from './start/embedded.ts'
import { askModel, StoryTeller } from './start/story-teller.ts'

const isOnce = process.argv.includes('--once')
const begun = Date.now()
const isColour = process.stdout.isTTY && !process.env['NO_COLOR']
const dim = (text: string): string => (isColour ? `\x1b[2m${text}\x1b[0m` : text)
const bold = (text: string): string => (isColour ? `\x1b[1m${text}\x1b[0m` : text)
const say = (line: string): void =>
  console.log(`${dim(`${((Date.now() - begun) / 1000).toFixed(1).padStart(6)} s`)}  ${line}`)
const title = (line: string): void => console.log(`\n${bold(line)}`)

const namespace = 'llm'

const sample = (embedded: Embedded, name: string): Promise<string> =>
  embedded.cluster.kubectl([
    'apply',
    '-n',
    namespace,
    '-f',
    new URL(`../config/samples/${name}`, import.meta.url).pathname,
  ])

const activate = (embedded: Embedded, runtime: string, model: string): Promise<string> => {
  const change = JSON.stringify({ spec: { activeModel: model } })
  return embedded.cluster.kubectl([
    'patch',
    'runtime',
    runtime,
    '-n',
    namespace,
    '--type=merge',
    '-p',
    change,
  ])
}

const tell = async (embedded: Embedded): Promise<void> => {
  const { cluster } = embedded
  const teller = new StoryTeller(cluster, namespace, say)
  title('Install Switchyard with Helm')
  await installSwitchyard(cluster, {
    hubUrl: embedded.hubUrl,
    registryUrl: embedded.registryUrl,
    image: productImage,
  })
  say('the operator is available')

  title('A Model and an Ollama Runtime: kubectl apply -f config/samples/')
  await cluster.kubectl(['create', 'namespace', namespace])
  for (const name of ['runtime-ollama.yaml', 'model-ollama.yaml', 'model-ollama-second.yaml'])
    await sample(embedded, name)
  await teller.untilActive('ollama', 'llama3-2-1b')
  say(`asked: ${bold(await askModel(cluster, namespace, 'ollama'))}`)

  title('Switch to the second model, and back')
  await teller.untilReady('qwen2-5-0-5b-ollama')
  await activate(embedded, 'ollama', 'qwen2-5-0-5b-ollama')
  await teller.untilActive('ollama', 'qwen2-5-0-5b-ollama')
  say(`asked: ${bold(await askModel(cluster, namespace, 'ollama'))}`)
  await activate(embedded, 'ollama', 'llama3-2-1b')
  await teller.untilActive('ollama', 'llama3-2-1b')
  say(`asked: ${bold(await askModel(cluster, namespace, 'ollama'))}`)

  title('A vLLM that Switchyard makes on the GPU node (no GPU here: a stand-in speaks vLLM’s dialect)')
  for (const name of ['model-huggingface.yaml', 'runtime-vllm-made.yaml']) await sample(embedded, name)
  await teller.untilActive('vllm-made', 'qwen2-5-0-5b')
  say(`asked: ${bold(await askModel(cluster, namespace, 'vllm-made'))}`)

  title('What a person sees')
  console.log(await cluster.kubectl(['get', 'models,runtimes', '-n', namespace, '-o', 'wide']))
}

const lookAround = (embedded: Embedded): void => {
  title('Look around (Ctrl-C ends the cluster)')
  console.log(`  export KUBECONFIG=${embedded.cluster.kubeconfigPath}
  export PATH=${embedded.cluster.data.bin}:$PATH
  kubectl get models,runtimes -A
  kubectl describe runtime ollama -n ${namespace}
  kubectl patch runtime ollama -n ${namespace} --type=merge -p '{"spec":{"desiredState":"Idle"}}'
  kubectl get events.events.k8s.io -n ${namespace}
  kubectl -n switchyard-system logs deployment/switchyard`)
}

const main = async (): Promise<number> => {
  if (process.env['KUBECONFIG']) {
    say(
      'KUBECONFIG is set, so no cluster is started: see README.md, "On your own cluster", for the three commands.',
    )
    return 1
  }
  const reason = whyNotHere()
  if (reason) {
    say(`no cluster can be started here: ${reason}`)
    return 1
  }
  title('Start a real Kubernetes on this machine (the first time its programs are built: about 15 minutes)')
  const embedded = await startEmbedded(say)
  const stop = async (code: number): Promise<never> => {
    await embedded.stop()
    process.exit(code)
  }
  process.on('SIGINT', () => void stop(0))
  process.on('SIGTERM', () => void stop(0))
  try {
    await tell(embedded)
  } catch (error) {
    say(`failed: ${(error as Error).message}`)
    if (isOnce) return stop(1)
  }
  say(`done in ${Math.round((Date.now() - begun) / 1000)} s`)
  if (isOnce) return stop(0)
  lookAround(embedded)
  for (;;) await sleep(60_000)
}

process.exit(await main())
