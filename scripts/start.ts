// `npm start`: this machine serves a model, answers a prompt and switches to another one, shown live; no root, GPU, Docker or cluster.
// `npm start -- --once` ends by itself with 0 or 1 and leaves nothing; `--engine VLLM|Ollama|LlamaCpp` chooses what is found otherwise.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask } from './start/ask.ts'
import { type Choice, chooseEngine } from './start/engine.ts'
import { type Machine, startMachine } from './start/machine.ts'
import { openModels, type Shelf } from './start/models.ts'
import { Teller } from './start/teller.ts'
import { untilServes } from './start/watch.ts'

const isOnce = process.argv.includes('--once')
const asked = process.argv.includes('--engine')
  ? process.argv[process.argv.indexOf('--engine') + 1]
  : undefined
const question = 'Who are you? Answer in one sentence.'

/** Asked again, an ordinary `npm start` goes on with what it has fetched. */
const folder = isOnce
  ? mkdtempSync(join(tmpdir(), 'switchyard-start-'))
  : join(homedir(), '.local/state/switchyard-start')
mkdirSync(folder, { recursive: true, mode: 0o700 })

const teller = new Teller(process.stdout)

const lookAround = async (): Promise<{ choice: Choice; shelf: Shelf }> => {
  teller.title('What this machine has')
  const choice = await chooseEngine(asked)
  teller.say(`engine: ${choice.words}`)
  const shelf = await openModels(choice.engine, join(folder, 'stand-ins'))
  teller.say(`models: ${shelf.words}`)
  return { choice, shelf }
}

const tellFirst = async (machine: Machine, { choice, shelf }: { choice: Choice; shelf: Shelf }) => {
  if (choice.engine === 'LlamaCpp') {
    teller.title('The engine, fetched once from the npm registry')
    await machine.type('embedded', 'install')
  }
  teller.title('Two Models and a Runtime that serves the first one')
  const file = machine.write(shelf.models, choice.engine)
  teller.quote(file.text)
  await machine.type('apply', '-f', file.path)
  await untilServes(machine, shelf.models[0].name, teller)
  await askAloud(machine)
  teller.say(`from the first line to the first answer: ${teller.seconds()} s`)
}

const tellSwitch = async (machine: Machine, { models }: Shelf) => {
  teller.title('The other model, on the same Runtime')
  const [, second] = models
  await machine.type('activate', second.name, '--dry-run')
  await machine.type('activate', second.name, '--wait')
  await askAloud(machine)
  teller.title('What is there now')
  await machine.type('get')
}

const askAloud = async (machine: Machine): Promise<void> => {
  teller.say(`asked at ${machine.address}/v1/chat/completions: ${question}`)
  await ask(machine.address, question, teller)
}

const inviteOn = (machine: Machine): void => {
  teller.title('Look around, in another terminal (Ctrl-C here ends the engine and the controller)')
  teller.lines([
    ...machine.exports,
    'switchyard status --watch',
    'switchyard events --follow',
    'switchyard rollback here --wait',
    'switchyard describe here',
    'switchyard logs here',
    'switchyard --help',
    `curl ${machine.address}/v1/chat/completions -H 'content-type: application/json' \\`,
    `  -d '{"model": "active", "messages": [{"role": "user", "content": "Hello"}]}'`,
  ])
}

const main = async (): Promise<number> => {
  const seen = await lookAround().catch(error => {
    teller.say(`failed: ${(error as Error).message}`)
    if (isOnce) rmSync(folder, { recursive: true, force: true })
    process.exit(1)
  })
  let machine: Machine | undefined
  const end = async (code: number): Promise<never> => {
    await machine?.stop().catch(error => teller.say(`while ending: ${(error as Error).message}`))
    await seen.shelf.close()
    if (isOnce) rmSync(folder, { recursive: true, force: true })
    process.exit(code)
  }
  let isEnding = false
  const onSignal = (): void => {
    if (isEnding) process.exit(1)
    isEnding = true
    teller.say('ending …')
    void end(isOnce ? 1 : 0)
  }
  // A terminal that was closed takes no words any more; what runs is ended all the same.
  process.stdout.on('error', () => undefined)
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal).on('SIGHUP', onSignal)
  try {
    teller.title('The controller')
    machine = await startMachine(folder, seen.shelf.hubEndpoint, teller)
    await tellFirst(machine, seen)
    await tellSwitch(machine, seen.shelf)
  } catch (error) {
    if (isEnding) await sleep(60_000)
    teller.say(`failed: ${(error as Error).message}`)
    return end(1)
  }
  teller.say(`done after ${teller.seconds()} s`)
  if (isOnce) return end(0)
  inviteOn(machine)
  for (;;) await sleep(60_000)
}

process.exit(await main())
