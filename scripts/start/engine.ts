// Which engine the story runs on: an Ollama that is installed, a vLLM that has a GPU, else the one inside the program.
import { statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'
import type { EngineName } from '../../src/domain/parts.ts'

export interface Choice {
  readonly engine: EngineName
  /** what it is, for people */
  readonly words: string
}

const words: Readonly<Record<EngineName, string>> = {
  Ollama: 'the Ollama that is installed here (a process and a store of its own)',
  VLLM: 'the vLLM that is installed here',
  LlamaCpp: 'llama.cpp inside Switchyard, on the CPU',
}

const isInstalled = (program: string): boolean =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .some(folder => statSync(join(folder, program), { throwIfNoEntry: false })?.isFile() ?? false)

const hasGpu = async (): Promise<boolean> => {
  const { failed, stdout } = await execa('nvidia-smi', ['-L'], { reject: false, timeout: 5_000 })
  return !failed && stdout.includes('GPU 0')
}

/** Throws one sentence for an engine that is none. */
export const chooseEngine = async (asked: string | undefined): Promise<Choice> => {
  const found = Object.keys(words).find(name => name === asked) as EngineName | undefined
  if (found) return { engine: found, words: `${words[found]} (asked for)` }
  if (asked !== undefined)
    throw new Error(`--engine: ${asked} is not one of ${Object.keys(words).join(', ')}`)
  if (isInstalled('ollama')) return { engine: 'Ollama', words: words.Ollama }
  if (isInstalled('vllm') && (await hasGpu())) return { engine: 'VLLM', words: words.VLLM }
  return {
    engine: 'LlamaCpp',
    words: `${words.LlamaCpp} (found neither an ollama nor a vllm with a GPU)`,
  }
}
