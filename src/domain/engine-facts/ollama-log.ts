// What the log of Ollama's server and its runner says about loading a model.
import type { LogPattern } from './load-log.ts'

/** The first that matches speaks. */
export const ollamaLog: readonly LogPattern[] = [
  // failures
  {
    mark: 'OutOfMemory',
    reason: 'OutOfMemory',
    pattern: /(?<message>(?:cudaMalloc failed: )?out of memory.*)$/i,
  },
  {
    mark: 'NoMemory',
    reason: 'OutOfMemory',
    pattern: /(?<message>model requires more system memory \([^)]*\) than is available[^"]*)/,
  },
  { mark: 'FileRefused', reason: 'FilesUnreadable', pattern: /error loading model: (?<message>.*)$/ },
  {
    mark: 'RunnerEnded',
    reason: 'LoadFailed',
    pattern: /(?<message>llama runner process (?:has terminated|no longer running).*)$/,
  },
  {
    mark: 'LoadFailed',
    reason: 'LoadFailed',
    pattern:
      /msg="(?:error loading llama server|failed to load model|llama load error).*?error="?(?<message>[^"]*)/,
  },
  {
    mark: 'LoadTimedOut',
    reason: 'LoadStalled',
    pattern: /(?<message>timed out waiting for llama runner to start.*)$/,
  },
  // progress, in the order in which it comes
  { mark: 'ProcessStarted', pattern: /msg="Listening on / },
  {
    mark: 'RunnerStarted',
    pattern: /msg="(?:starting (?:llama server|runner|ollama engine|go runner)|loading first model)"/,
  },
  { mark: 'ModelLoading', pattern: /msg="?loading model"?/ },
  { mark: 'Metadata', pattern: /llama_model_loader: loaded meta data|msg=load request=/ },
  { mark: 'Offloaded', pattern: /offloaded \d+\/\d+ layers to GPU|msg="offload(?:ed|ing) \d+/ },
  { mark: 'Weights', pattern: /model load progress (?<percent>\d+)%/ },
  {
    mark: 'RunnerWaiting',
    pattern: /msg="waiting for (?:server|llama runner) to (?:become available|start responding)"/,
  },
  { mark: 'Ready', pattern: /msg="llama runner started in/ },
]
