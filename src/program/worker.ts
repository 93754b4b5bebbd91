// `switchyard worker …`: one short-lived work on bytes.
import { createLlamaCpp } from '../engines/llama-cpp.ts'
import { createOllama } from '../engines/ollama.ts'
import { createVllm } from '../engines/vllm.ts'
import { hasProxy } from '../settings.ts'
import type { OpenEngine } from '../worker/ask.ts'
import { workerMain } from '../worker/entry.ts'

const openEngine: OpenEngine = (name, fetch) =>
  ({ VLLM: createVllm, Ollama: createOllama, LlamaCpp: createLlamaCpp })[name]({ fetch })

export const worker = (words: readonly string[]): Promise<number> =>
  workerMain(words, { openEngine, hasProxy: hasProxy() })
