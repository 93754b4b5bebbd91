// The commands of a person's terminal: one list, and the one place that turns what was thrown into a sentence and an exit code.
import { Command, CommanderError } from 'commander'
import { Refusal } from './client.ts'
import { registerApply } from './commands/apply.ts'
import { registerCompletion } from './commands/completion.ts'
import { registerExplain } from './commands/explain.ts'
import { registerFound } from './commands/found.ts'
import { registerGet } from './commands/get.ts'
import { registerLogin } from './commands/login.ts'
import { registerRequests } from './commands/requests.ts'
import { registerStory } from './commands/story.ts'
import { complete } from './complete.ts'
import type { Register, Stage } from './stage.ts'

/** A new command is one line here. */
const commands: readonly Register[] = [
  registerApply,
  registerGet,
  registerRequests,
  registerStory,
  registerExplain,
  registerFound,
  registerLogin,
  registerCompletion,
]

/** Entries of this program that are no commands of a person at a terminal. */
const entries = `
Services and tools:
  host                 run the controller on this machine, without a cluster (docs/host.md)
  install              make this program a service of this machine: account, units, folders (root);
                       --user: of your own systemd, without root (docs/host.md);
                       --unit vllm.service: a vLLM that is a unit of somebody else may be switched
  uninstall            take the service away; models stay unless --purge-models, which asks;
                       --user: yours; --unit: gives that unit back
  operator             run the controller on Kubernetes
  doctor               what is wrong with this host, and what to do (-o json)
  worker discover      what lies on the volume at --root DIR, as JSON
  embedded install     fetch the llama.cpp of Runtimes with engine LlamaCpp (they do it themselves, too)
  crds                 print the custom resource definitions
  version              print the version
`

export const createProgram = (stage: Stage): Command => {
  const program = new Command('switchyard')
    .description('Keeps large language models where they must run and decides which one a GPU serves.')
    .option('--socket <path>', 'speak to the host behind this socket')
    .option('--context <name>', 'speak to this cluster of the kubeconfig')
    .option('--kubeconfig <file>', 'speak to a cluster of this file')
    .option('-n, --namespace <name>', 'namespace of the objects')
    .addHelpText('after', entries)
    .exitOverride()
    .configureOutput({
      writeOut: text => stage.print.line(text.trimEnd()),
      writeErr: text => stage.print.note(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error: /, 'switchyard: ')),
    })
  for (const register of commands) register(program, stage)
  return program
}

/** Exit code; never throws. */
export const runProgram = async (words: readonly string[], stage: Stage): Promise<number> => {
  try {
    const program = createProgram(stage)
    // Asked by the shell that completes; its words are anything.
    if (words[0] === '__complete') {
      stage.print.lines(await complete(program, words.slice(1), stage))
      return 0
    }
    await program.parseAsync(words, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    stage.print.fail((error as Error).message)
    return error instanceof Refusal ? error.exitCode : 1
  }
}
