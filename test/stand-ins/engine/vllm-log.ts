// The lines that vLLM 0.32 prints while it starts, loads and fails: what a progress table can be tried on.
import type { ModelFolder } from './model-folder.ts'

export interface VllmLog {
  readonly api: (where: string, text: string) => void
  readonly core: (where: string, text: string) => void
  readonly worker: (where: string, text: string) => void
  readonly warn: (text: string) => void
  /** A line of uvicorn's, on standard error. */
  readonly uvicorn: (text: string) => void
  readonly plain: (text: string) => void
}

const two = (n: number) => String(n).padStart(2, '0')
const clock = (now: Date) =>
  `${two(now.getMonth() + 1)}-${two(now.getDate())} ${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`

export function openVllmLog(print: (line: string) => void): VllmLog {
  const from = (name: string) => (where: string, text: string) =>
    print(`(${name} pid=${process.pid}) INFO ${clock(new Date())} [${where}] ${text}`)
  return {
    api: from('APIServer'),
    core: from('EngineCore'),
    worker: from('Worker'),
    warn: text => void process.stderr.write(`${text}\n`),
    uvicorn: text => void process.stderr.write(`INFO:     ${text}\n`),
    plain: print,
  }
}

export function printStart(log: VllmLog, model: string) {
  log.api('api_utils.py:347', '       █     █     █▄   ▄█')
  log.api('api_utils.py:347', ' ▄▄ ▄█ █     █     █ ▀▄▀ █  version 0.32.0')
  log.api('api_utils.py:347', `  █▄█▀ █     █     █     █  model   ${model}`)
  log.api('api_utils.py:286', `non-default args: {'model_tag': '${model}', 'model': '${model}'}`)
  log.core(
    'core.py:133',
    `Initializing a V1 LLM engine (v0.32.0) with config: model='${model}', tokenizer='${model}'`,
  )
}

export function printLoading(log: VllmLog, model: string) {
  log.worker('gpu_model_runner.py:5190', `Starting to load model ${model}...`)
}

export function printShards(log: VllmLog, percent: number) {
  const text = String(percent).padStart(3)
  log.plain(
    `Loading safetensors checkpoint shards: ${text}% Completed | ${percent}/100 [00:00<00:00,  9.00it/s]`,
  )
}

export function printLoaded(log: VllmLog, folder: ModelFolder, seconds: number) {
  for (let n = 0; n <= folder.shards; n++) {
    const percent = String(Math.floor((n / folder.shards) * 100)).padStart(3)
    const count = `${n}/${folder.shards}`
    log.plain(
      `Loading safetensors checkpoint shards: ${percent}% Completed | ${count} [00:00<00:00,  9.00it/s]`,
    )
  }
  const gib = (folder.bytes / 2 ** 30).toFixed(2)
  log.worker('default_loader.py:501', `Loading weights took ${seconds.toFixed(2)} seconds`)
  log.worker(
    'gpu_model_runner.py:5265',
    `Model loading took ${gib} GiB memory and ${seconds.toFixed(6)} seconds`,
  )
  log.core(
    'kv_cache_utils.py:2327',
    'GPU KV cache size: 262,144 tokens, Maximum concurrency for 2,048 tokens per request: 128.00x',
  )
  log.core('core.py:402', 'init engine (profile, create kv cache, warmup model) took 0.05 s')
  log.api('entry.py:136', "Supported tasks: ['generate']")
}

export function printListening(log: VllmLog, at: { host: string; port: number }) {
  log.api('entry.py:140', `Starting vLLM server on http://${at.host}:${at.port}`)
  log.uvicorn(`Started server process [${process.pid}]`)
  log.uvicorn('Waiting for application startup.')
  log.uvicorn('Application startup complete.')
}

/** The cause stands in the worker's lines; the last lines only say that something failed, as in the real log. */
export function printFailure(log: VllmLog, why: string) {
  const error = (who: string, where: string, text: string) =>
    log.plain(`(${who} pid=${process.pid}) ERROR ${clock(new Date())} [${where}] ${text}`)
  error('Worker', 'multiproc_executor.py:953', 'WorkerProc failed to start.')
  error('Worker', 'multiproc_executor.py:953', 'Traceback (most recent call last):')
  error('Worker', 'multiproc_executor.py:953', why)
  error('EngineCore', 'core.py:1510', 'EngineCore failed to start.')
  error(
    'EngineCore',
    'core.py:1510',
    'Exception: WorkerProc initialization failed due to an exception in a background process. See stack trace for root cause.',
  )
  process.stderr.write(
    'RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}\n',
  )
}
